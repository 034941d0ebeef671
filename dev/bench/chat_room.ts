/**
 * What a chat room costs, on each runtime.
 *
 * - Load: 1,000 members over three server processes joined by a NATS server; each says some lines, and each hears each line once, in
 *   the order of its speaker. All that runs on this machine, also the members, which are one process of Node.
 * - Fan-out: what a line to a room of 1,000 costs one server process, in processor time, and until the last member has it, beside a loop
 *   that writes the same bytes to 1,000 sockets of the runtime. The two alternate, each in a process of its own; the figures are
 *   the medians of the rounds, and of their ratios.
 *
 *     npm run bench:chat
 *     npm run bench:chat -- --runtime bun --rounds 3
 *
 * Linux on x86-64 with 2 cores, on which others worked as well, medians of 3 rounds:
 *
 * |                                            | Node 20.20.2 | Deno 2.9.5 | Bun 1.4.5 |
 * | ------------------------------------------ | ------------ | ---------- | --------- |
 * | load: lines heard, a second                |      386,000 |    632,000 |   534,000 |
 * | fan-out, processor time, bare sockets (us) |        9,400 |     11,500 |    11,000 |
 * | fan-out, processor time, room (us)         |       15,000 |     19,600 |    17,500 |
 * | room to bare, processor time               |         1.56 |       1.67 |      1.82 |
 * | room to bare, until the last has it        |         0.86 |       1.07 |      0.82 |
 *
 * So a line costs the room 6 to 8 us more for each member than a write to a bare socket, which is 10 us of the system's: its push,
 * and the queue that bounds what waits for who does not read. Until the last member has it, that is lost in what the members
 * themselves take: these times vary more from round to round than the two kinds differ.
 */
import { Buffer } from "node:buffer";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { parseArgs } from "node:util";
import { NatsServer } from "../../tests/support/nats_server.ts";
import { command, Program, type RuntimeName, RUNTIMES } from "../../tests/support/programs.ts";

const MEMBERS = 1_000;
const SERVERS = 3;
/** How many lines each member says in the load. */
const LINES_EACH = 5;
const WARM_UP = 50;
const LINES = 200;
const WORDS = "x".repeat(100);
const KINDS = ["bare", "room"] as const;
type Kind = typeof KINDS[number];

const { values: options } = parseArgs({
  options: {
    runtime: { type: "string", multiple: true, default: [...RUNTIMES] },
    rounds: { type: "string", default: "5" },
  },
});
const unknown = options.runtime.find((name) => !(RUNTIMES as readonly string[]).includes(name));
if (unknown !== undefined) {
  throw new TypeError(`--runtime must be one of ${RUNTIMES.join(", ")}, not ${unknown}`);
}
if (!/^[1-9]\d*$/.test(options.rounds)) {
  throw new TypeError(`--rounds must be a whole number from 1 on, not ${options.rounds}`);
}
const rounds = Number(options.rounds);

/** What one line to all costs, in microseconds. */
interface Cost {
  readonly processor: number;
  readonly time: number;
}

async function load(runtime: RuntimeName): Promise<string> {
  await using nats = await NatsServer.start();
  const args = ["examples/chat_server.ts", "--port", "0", "--nats", nats.url] as const;
  const servers = Array.from({ length: SERVERS }, () => new Program(command(runtime, ...args)));
  try {
    const ports = await Promise.all(servers.map((server) => server.listening()));
    const numbers = [ports.join(), String(MEMBERS), String(LINES_EACH)];
    await using members = new Program(command("node", "tests/programs/chat_load.ts", ...numbers));
    const [line] = await members.line(/^.* once, in order: .*$/);
    return line;
  } finally {
    await Promise.all(servers.map((server) => server[Symbol.asyncDispose]()));
  }
}

/** Said when all are there: from then on all read the same, and nothing else. */
const START = "start";

/** Members who count what they read. */
class Audience {
  readonly #sockets: Socket[] = [];
  #missing = 0;
  #onAll: () => void = () => {};

  static async gather(port: number): Promise<Audience> {
    const audience = new Audience();
    for (let i = 0; i < MEMBERS; i++) {
      const socket = connect(port, "127.0.0.1");
      await once(socket, "connect");
      socket.write(`m${i}\n`);
      await readUpTo(socket, "* in lobby there are ");
      audience.#sockets.push(socket);
    }
    const started = audience.#sockets.map((socket) => readUpTo(socket, `m0: ${START}\n`));
    audience.#sockets[0]!.write(`${START}\n`);
    await Promise.all(started);
    for (const socket of audience.#sockets) socket.on("data", (data) => audience.#count(data));
    return audience;
  }

  /** Lets the first one say a line. Resolves when all have read it. */
  async hear(line: string): Promise<void> {
    this.#missing = MEMBERS * Buffer.byteLength(`m0: ${line}\n`);
    const all = new Promise<void>((resolve) => this.#onAll = resolve);
    this.#sockets[0]!.write(`${line}\n`);
    await all;
  }

  leave(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  #count({ length }: Buffer): void {
    this.#missing -= length;
    if (this.#missing === 0) this.#onAll();
  }
}

/** Resolves when that text has come; what has come behind it by then is dropped. */
function readUpTo(socket: Socket, expected: string): Promise<void> {
  let text = "";
  return new Promise((resolve) => {
    const onData = (data: Buffer): void => {
      text += data.toString("latin1");
      if (!text.includes(expected)) return;
      socket.off("data", onData);
      resolve();
    };
    socket.on("data", onData);
  });
}

async function processorTime(control: number): Promise<number> {
  const socket = connect(control, "127.0.0.1");
  const [data] = await once(socket, "data");
  socket.destroy();
  return Number(data);
}

async function fanOut(runtime: RuntimeName, kind: Kind): Promise<Cost> {
  await using server = new Program(command(runtime, "dev/bench/fan_out_server.ts", kind));
  const [, port, control] = await server.line(/^listening on (\d+), (\d+)$/);
  const audience = await Audience.gather(Number(port));
  for (let i = 0; i < WARM_UP; i++) await audience.hear(WORDS);
  const before = await processorTime(Number(control));
  const start = performance.now();
  for (let i = 0; i < LINES; i++) await audience.hear(WORDS);
  const time = (performance.now() - start) * 1_000 / LINES;
  const processor = (await processorTime(Number(control)) - before) / LINES;
  audience.leave();
  return { processor, time };
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)]!;
}

async function compare(runtime: RuntimeName): Promise<void> {
  const costs: Record<Kind, Cost[]> = { bare: [], room: [] };
  for (let round = 0; round < rounds; round++) {
    for (const kind of KINDS) costs[kind].push(await fanOut(runtime, kind));
  }
  for (const measure of ["processor", "time"] as const) {
    const [bare, room] = KINDS.map((kind) => costs[kind].map((cost) => cost[measure])) as [
      number[],
      number[],
    ];
    const ratio = median(room.map((cost, i) => cost / bare[i]!));
    console.log(
      `${runtime}: ${measure.padEnd(9)}  bare ${Math.round(median(bare))} us, ` +
        `room ${Math.round(median(room))} us, ${ratio.toFixed(2)} times as much`,
    );
  }
}

for (const runtime of options.runtime as RuntimeName[]) {
  console.log(`${runtime}: ${await load(runtime)}`);
  await compare(runtime);
}
