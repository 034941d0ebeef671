/**
 * Plays conversations of chats in which everything that may happen does, hundreds at once, on Node, Deno and Bun in turn.
 * Nothing may be lost, hang or stay behind. One that fails is printed with the command that plays it again.
 *
 *     npm run soak                                  60 seconds on each runtime
 *     npm run soak -- --seconds 600                 as long as you like
 *     npm run soak -- --runtime bun                 on one runtime
 *     npm run soak -- --runtime bun --seed 123      one conversation, whose script is printed
 *     npm run soak -- --hostile 100000              so many hostile peers for each server of the examples, instead of 10,000
 *
 * After the conversations, hostile peers attack the servers of the examples.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import process from "node:process";
import { createInterface } from "node:readline";
import { parseArgs } from "node:util";
import { PATIENCE } from "../../tests/support/limits.ts";
import { ENV } from "../../tests/support/programs.ts";

const COMMANDS: Readonly<Record<string, readonly string[]>> = {
  node: ["node", "--import", "tsx"],
  deno: ["deno", "run", "--quiet", "--allow-all", "--no-check"],
  bun: ["bun", "run"],
};

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "60" },
    seed: { type: "string" },
    runtime: { type: "string" },
    hostile: { type: "string", default: "10000" },
  },
});

function numberOf(name: string, value: string): number {
  if (/^\d+$/.test(value)) return Number(value);
  throw new TypeError(`--${name} must be a whole number, not ${JSON.stringify(value)}`);
}

/** Runs the soak on one runtime, shows what it prints, and returns whether all was well. */
async function soakOn(runtime: string, args: readonly number[]): Promise<boolean> {
  const [command, ...flags] = COMMANDS[runtime]!;
  const child = spawn(command!, [...flags, "tests/programs/soak.ts", ...args.map(String)], {
    stdio: ["ignore", "pipe", "inherit"],
    env: ENV,
  });
  child.on("error", (error) => console.log(`${runtime}  could not be started: ${error.message}`));
  createInterface({ input: child.stdout }).on("line", (line) => {
    console.log(`${runtime}  ${line}`);
    const seed = line.match(/^FAILED seed (\d+)/)?.[1];
    if (seed) {
      console.log(`${runtime}  play it again: npm run soak -- --runtime ${runtime} --seed ${seed}`);
    }
  });
  const isOver = new Promise<number | null>((resolve) => child.on("close", resolve));
  const timer = setTimeout(() => {
    console.log(`${runtime}  FAILED it does not end`);
    child.kill("SIGKILL");
  }, seconds * 1000 + 3 * PATIENCE); // the last round, and the end of the process
  const code = await isOver;
  clearTimeout(timer);
  return code === 0;
}

/** Lets hostile peers attack the servers of the examples, on one runtime. */
async function attackOn(runtime: string, peers: number): Promise<boolean> {
  const runner = ["--import", "tsx", "dev/tools/test.ts", "tests/examples", "--runtime", runtime];
  const child = spawn(process.execPath, [...runner, "--name", "survives? .*nonsense"], {
    stdio: "inherit",
    env: { ...ENV, HOSTILE_RUNS: String(peers), TEST_SLOWNESS: String(Math.ceil(peers / 1000)) },
  });
  const [code] = await once(child, "close") as [number | null];
  return code === 0;
}

const seconds = numberOf("seconds", values.seconds);
// Seeds follow each other, so that those of two runs are not the same ones.
const args = values.seed === undefined
  ? [Math.floor(Math.random() * 2 ** 30), 0, seconds]
  : [numberOf("seed", values.seed), 1, seconds];
if (values.runtime !== undefined && !(values.runtime in COMMANDS)) {
  throw new TypeError(`--runtime must be node, deno or bun, not ${JSON.stringify(values.runtime)}`);
}

const runtimes = values.runtime === undefined ? Object.keys(COMMANDS) : [values.runtime];
for (const runtime of runtimes) {
  if (!await soakOn(runtime, args)) process.exitCode = 1;
}
if (values.seed === undefined) {
  const peers = numberOf("hostile", values.hostile);
  for (const runtime of runtimes) {
    if (!await attackOn(runtime, peers)) process.exitCode = 1;
  }
}
