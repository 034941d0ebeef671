/**
 * Ten thousand connections, on each runtime, the server and its clients in processes of their own.
 *
 * - Exchange: all are open at once, and exchange 10 messages each of random framing. None may be lost, mixed up, or left open.
 * - Memory: what an idle connection costs the server, as a chat and as a socket of the runtime: the growth of the resident
 *   size after a garbage collection, in bytes for each connection, and how much of it is in use by JavaScript. The kinds
 *   alternate, each in a process of its own; the figure is the median of the rounds.
 *
 *     npm run bench:connections
 *     npm run bench:connections -- --runtime bun --connections 300 --seed 1 --rounds 0
 *
 * 2026-11, Linux on x86-64 with 2 cores, 10,000 connections, one round, in bytes for each connection:
 *
 * |                            | Node 20.20.2       | Deno 2.9.5         | Bun 1.4.5          |
 * |                            | resident    in use | resident    in use | resident    in use |
 * | -------------------------- | -------- --------- | -------- --------- | -------- --------- |
 * | bare                       |     1876       981 |     9689      6617 |     1251       123 |
 * | chat, not read             |     5266      2564 |     6396      2390 |     3664      1963 |
 * | chat, read                 |     7485      4469 |    16798      9761 |     5108      3325 |
 * | bare, after 10 lines       |     4067       969 |    13998      6646 |     1279       126 |
 * | chat, read, after 10 lines |     7956      4527 |    20737      9868 |     8458      3388 |
 *
 * So a chat that is read costs 4 to 7 KB more than a bare socket that is read, of which 3.1 to 3.5 KB are in use. Of these, on
 * Node: 0.8 KB are the two async functions that wait, the program's handler and the server's; 0.5 KB the frame that is waited
 * for; 0.5 KB the read of the connection, a promise and what settles it; the rest the chat's own objects. On Deno a read takes
 * a buffer of 4 KiB, a chat's as well as a bare one. The rest of the resident size is what the engine has set aside, of which a
 * part does not grow with the connections: with fewer of them the figures are higher.
 */
import { spawn } from "node:child_process";
import process from "node:process";
import { parseArgs } from "node:util";
import { runExchange } from "../tests/support/exchange_processes.ts";
import { Program, type RuntimeName, RUNTIMES } from "../tests/support/programs.ts";
import { type Kind, KINDS, LINE, LINES } from "./idle_kinds.ts";

const MINUTE = 60_000;

const { values: options } = parseArgs({
  options: {
    runtime: { type: "string", multiple: true, default: [...RUNTIMES] },
    connections: { type: "string", default: "10000" },
    seed: { type: "string", default: String(Math.floor(Math.random() * 2 ** 32)) },
    rounds: { type: "string", default: "5" },
  },
});
const unknown = options.runtime.find((name) => !(RUNTIMES as readonly string[]).includes(name));
if (unknown !== undefined) {
  throw new TypeError(`--runtime must be one of ${RUNTIMES.join(", ")}, not ${unknown}`);
}
const [connections, seed, rounds] = (["connections", "seed", "rounds"] as const).map((name) => {
  const value = options[name];
  if (!/^\d+$/.test(value)) throw new TypeError(`--${name} must be a whole number, not ${value}`);
  return Number(value);
}) as [number, number, number];

const SERVERS: Readonly<Record<RuntimeName, readonly string[]>> = {
  node: ["node", "--expose-gc", "--import", "tsx", "bench/idle_server.ts"],
  deno: ["deno", "run", "--quiet", "--allow-all", "--v8-flags=--expose-gc", "bench/idle_server.ts"],
  bun: ["bun", "run", "bench/idle_server.ts"],
};

/** Opens the connections, a hundred at a time, and sends so many lines on each, one after the answer to the other. */
const clientOf = (port: number, lines: number): string => `
const { connect } = require("node:net");
const line = ${JSON.stringify(LINE)};
let opened = 0;
function open() {
  if (opened++ >= ${connections}) return;
  let [sent, received] = [0, 0];
  const send = () => { if (sent++ < ${lines}) socket.write(line); };
  const socket = connect(${port}, "127.0.0.1", () => { send(); open(); });
  socket.on("data", (data) => {
    received += data.length;
    if (received === sent * line.length) send();
  });
}
for (let i = 0; i < 100; i++) open();`;

interface Cost {
  readonly resident: number;
  readonly inUse: number;
}

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

async function measure(runtime: RuntimeName, kind: Kind): Promise<Cost> {
  await using server = new Program([...SERVERS[runtime], kind, String(connections)]);
  const [, port] = await server.line(/^listening on (\d+)$/);
  const lines = kind.includes("after") ? LINES : 0;
  const client = spawn("node", ["-e", clientOf(Number(port), lines)], { stdio: "inherit" });
  try {
    const [, resident, inUse] = await server.line(/^each (-?\d+) (-?\d+)$/);
    return { resident: Number(resident), inUse: Number(inUse) };
  } finally {
    client.kill("SIGKILL");
  }
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

async function memory(runtime: RuntimeName): Promise<void> {
  const costs = new Map(KINDS.map((kind) => [kind, [] as Cost[]]));
  for (let round = 0; round < rounds; round++) {
    for (const kind of KINDS) costs.get(kind)!.push(await measure(runtime, kind));
  }
  const cost = (kind: Kind): Cost => ({
    resident: median(costs.get(kind)!.map(({ resident }) => resident)),
    inUse: median(costs.get(kind)!.map(({ inUse }) => inUse)),
  });
  console.log(`\n${runtime}, bytes for each connection     resident  in use  above a bare socket`);
  for (const kind of KINDS) {
    const { resident, inUse } = cost(kind);
    const bare = cost(kind.includes("after") ? "bare, after 10 lines" : "bare");
    const above = kind.startsWith("bare")
      ? ""
      : `${resident - bare.resident} (in use ${inUse - bare.inUse})`;
    const columns = [String(resident).padStart(8), String(inUse).padStart(6), above];
    console.log(`  ${kind.padEnd(36)}  ${columns.join("  ")}`.trimEnd());
  }
}

for (const runtime of RUNTIMES.filter((each) => options.runtime.includes(each))) {
  await exchange(runtime);
  if (rounds > 0) await memory(runtime);
}
