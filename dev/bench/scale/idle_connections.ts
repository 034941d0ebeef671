/**
 * What an idle connection costs a server, as a chat and as a socket of the runtime, of 10,000 that are open at once: the growth of
 * the resident size after a garbage collection, how much of that is in use by JavaScript, and the processor time that it took
 * to accept it (and, where there was an exchange, to answer). Each is measured in a new process; the clients have one of their
 * own.
 *
 * The resident size is what a user pays. It has in it what the engine has set aside, of which a part does not grow with the
 * connections: with 1,000 of them the figures are two to three times as high. On Deno a read takes a buffer of 4 KiB, a
 * chat's as well as a bare one.
 */
import { spawn } from "node:child_process";
import { CURRENT, Program } from "../../../tests/support/programs.ts";
import { commandOf } from "../commands.ts";
import type { Contest } from "../contest.ts";
import type { Figure } from "../figures.ts";
import { type Kind, KINDS, LINE, LINES } from "./idle_kinds.ts";

const CONNECTIONS = 10_000;
const ROUNDS = 3;
/** The most that a chat may take beside what the socket takes. */
const GOAL = 2048;

/** For each connection: bytes, and microseconds of processor time. */
interface Cost {
  readonly resident: number;
  readonly inUse: number;
  readonly time: number;
}

/** Opens the connections, a hundred at a time, and sends so many lines on each, one after the answer to the other. */
const clientOf = (port: number, lines: number): string => `
const { connect } = require("node:net");
const line = ${JSON.stringify(LINE)};
let opened = 0;
function open() {
  if (opened++ >= ${CONNECTIONS}) return;
  let [sent, received] = [0, 0];
  const send = () => { if (sent++ < ${lines}) socket.write(line); };
  const socket = connect(${port}, "127.0.0.1", () => { send(); open(); });
  socket.on("data", (data) => {
    received += data.length;
    if (received === sent * line.length) send();
  });
}
for (let i = 0; i < 100; i++) open();`;

async function measure(kind: Kind): Promise<Cost> {
  await using server = new Program(
    commandOf(CURRENT, "dev/bench/scale/idle_server.ts", kind, String(CONNECTIONS)),
  );
  const [, port] = await server.line(/^listening on (\d+)$/);
  const lines = kind.includes("after") ? LINES : 0;
  const client = spawn("node", ["-e", clientOf(Number(port), lines)], { stdio: "inherit" });
  try {
    const [, ...each] = await server.line(/^each (-?\d+) (-?\d+) (\d+)$/);
    const [resident, inUse, time] = each.map(Number) as [number, number, number];
    return { resident, inUse, time };
  } finally {
    client.kill("SIGKILL");
  }
}

const WHAT: Readonly<Record<keyof Cost, { readonly name: string; readonly unit: string }>> = {
  resident: { name: "resident size", unit: "bytes" },
  inUse: { name: "memory in use", unit: "bytes" },
  time: { name: "processor time to accept", unit: "µs" },
};

/** All that is measured of a server is measured at once: the first contest does, and the others say what it has found. */
export function* idleContests(): Generator<Contest> {
  const found = new Map<Kind, Cost[]>(KINDS.map((kind) => [kind, []]));
  for (const [what, { name, unit }] of Object.entries(WHAT) as [keyof Cost, typeof WHAT.time][]) {
    const contestants = KINDS.map((kind) => {
      let round = 0;
      return [kind, async () => {
        const costs = found.get(kind)!;
        if (what === "resident") costs.push(await measure(kind));
        return { frames: CONNECTIONS, length: 0, measured: costs[round++]![what] };
      }] as const;
    });
    yield {
      name: `10,000 idle connections, each: ${name}`,
      tally: { frames: CONNECTIONS, length: 0 },
      unit,
      rounds: ROUNDS,
      warmUp: false,
      contestants: Object.fromEntries(contestants),
      figures: what === "time" ? timeFigures() : memoryFigures(),
    };
  }
}

function memoryFigures(): Figure[] {
  return [
    { ...above("chat, read", "bare"), atMost: GOAL, inChart: true },
    above("chat, not read", "bare"),
    above("chat, read, after 10 lines", "bare, after 10 lines"),
  ];
}

function above(ours: Kind, other: Kind): Figure {
  return { name: `${ours}, above a socket`, ours, against: [other], as: "difference" };
}

function timeFigures(): Figure[] {
  return [{ name: "chat, read, against a socket", ours: "chat, read", against: ["bare"] }];
}
