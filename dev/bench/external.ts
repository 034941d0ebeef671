/** Programs that nobody here wrote, each in a process of its own. */
import { execFile, spawnSync } from "node:child_process";

/** Runs a program to its end, and returns what it printed. Rejects if it fails. */
export function run(command: string, ...args: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(command, args, (error, stdout) => {
      if (error === null) resolve(stdout);
      else reject(error);
    });
    child.stdin?.end();
  });
}

/** Whether a line of the shell succeeds, which tells whether a program is there; if not, it is said what is left out for it. */
export function isHere(what: string, probe: string): boolean {
  if (spawnSync("sh", ["-c", probe]).status === 0) return true;
  console.error(`left out: ${what}, because this fails: ${probe}`);
  return false;
}

/** What is waited for, unless the program that is to bring it about fails first. */
export function unlessFails<T>(awaited: Promise<T>, program: Promise<unknown>): Promise<T> {
  return Promise.race([awaited, new Promise<never>((_, reject) => program.catch(reject))]);
}
