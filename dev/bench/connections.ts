/**
 * Ten thousand connections, on each runtime, the server and its clients in processes of their own. All are open at once, and
 * exchange 10 messages each of random framing. None may be lost, mixed up, or left open. (What an idle one costs is measured by
 * `npm run bench -- scale`.)
 *
 *     npm run bench:connections
 *     npm run bench:connections -- --runtime bun --connections 300 --seed 1
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { runExchange } from "../../tests/support/exchange_processes.ts";
import { type RuntimeName, RUNTIMES } from "../../tests/support/programs.ts";

const MINUTE = 60_000;

const { values: options } = parseArgs({
  options: {
    runtime: { type: "string", multiple: true, default: [...RUNTIMES] },
    connections: { type: "string", default: "10000" },
    seed: { type: "string", default: String(Math.floor(Math.random() * 2 ** 32)) },
  },
});
const unknown = options.runtime.find((name) => !(RUNTIMES as readonly string[]).includes(name));
if (unknown !== undefined) {
  throw new TypeError(`--runtime must be one of ${RUNTIMES.join(", ")}, not ${unknown}`);
}
const [connections, seed] = (["connections", "seed"] as const).map((name) => {
  const value = options[name];
  if (!/^\d+$/.test(value)) throw new TypeError(`--${name} must be a whole number, not ${value}`);
  return Number(value);
}) as [number, number];

async function exchange(runtime: RuntimeName): Promise<void> {
  const start = performance.now();
  const problems = await runExchange(runtime, { connections, seed, longest: 5 * MINUTE });
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  const result = problems.length === 0 ? "nothing lost, mixed up or left open" : "FAILED";
  console.log(
    `${runtime}: ${connections} connections, 10 messages each, seed ${seed}: ${result} (${seconds} s)`,
  );
  for (const problem of problems) console.log(`  ${problem}`);
  if (problems.length > 0) process.exitCode = 1;
}

for (const runtime of RUNTIMES.filter((each) => options.runtime.includes(each))) {
  await exchange(runtime);
}
