import { spawn } from "node:child_process";
import { once } from "node:events";
import { command, CURRENT, ENV } from "./programs.ts";

/** What a line of the shell did. */
export interface ShellOutput {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a line of the shell to its end.
 * @param line In which `$PROGRAM` is to be run.
 * @param program What that is: a TypeScript file, run on the runtime that the tests run on.
 * @param input What comes from the standard input, which stays open, and silent, after it unless `end` says so.
 */
export async function shell(
  line: string,
  program: string,
  { input = "", end = false }: { input?: string; end?: boolean } = {},
): Promise<ShellOutput> {
  const child = spawn("sh", ["-c", line], {
    env: { ...ENV, PROGRAM: command(CURRENT, program).join(" ") },
  });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (data) => stdout += data);
  child.stderr.on("data", (data) => stderr += data);
  child.stdin.on("error", () => {}); // it need not read what it is given
  if (end) child.stdin.end(input);
  else child.stdin.write(input);
  const [code] = await once(child, "close") as [number | null];
  child.stdin.destroy();
  return { code, stdout, stderr };
}

/**
 * What a line of the shell prints on its standard output, to its end. It may call programs that nobody here wrote.
 * @throws {Error} With what it says on its standard error, if its exit code is not 0.
 */
export async function shellOutput(line: string): Promise<string> {
  const child = spawn("bash", ["-o", "pipefail", "-c", line], {
    env: ENV,
    stdio: ["ignore", "pipe", "pipe"],
  });
  let [stdout, stderr] = ["", ""];
  child.stdout.on("data", (data) => stdout += data);
  child.stderr.on("data", (data) => stderr += data);
  const [code] = await once(child, "close") as [number | null];
  if (code === 0) return stdout;
  throw new Error(`${line}\nended with ${code}: ${stderr}${stdout}`);
}
