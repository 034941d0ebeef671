/**
 * Fills a chat room, over Node's own sockets: `chat_members.ts PORT MEMBERS SILENT`. The first so many members say their name
 * and never read. The others talk, several at a time, until the room has told them that each of the silent ones has left.
 * Checks that all have read the same, and that this is every line once, each speaker's in order.
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import process from "node:process";

const [port, members, silent] = process.argv.slice(2).map(Number) as [number, number, number];

/** How many speak at a time; what they say goes to everybody before others speak. */
const SPEAKERS = 2;
const LINE = "x".repeat(60_000);
/** Said when all are there: from then on everybody reads the same. */
const START = "start";
/** By then each connection's buffers in the system (some megabytes) are full, and its queue as well. */
const LONGEST_TALK = 16 * 1024 * 1024;

interface Reader {
  readonly name: string;
  readonly socket: Socket;
  /** How much it has read, behind the start. */
  length: number;
  said: number;
}

/** What the foremost reader has read: the others must read the same. */
const heard = Buffer.alloc(LONGEST_TALK + 1024 * 1024);
let foremost = 0;
let [expected, behind] = [0, 0];
let caughtUp = (): void => {};

function onData(reader: Reader, chunk: Buffer): void {
  const known = Math.min(chunk.length, foremost - reader.length);
  const start = reader.length;
  assert.ok(
    heard.subarray(start, start + known).equals(chunk.subarray(0, known)),
    `${reader.name} has read something else than the others, after ${start} bytes`,
  );
  reader.length += chunk.length;
  if (reader.length > foremost) {
    chunk.copy(heard, foremost, known);
    foremost = reader.length;
  }
  if (start < expected && reader.length >= expected && --behind === 0) caughtUp();
}

async function come(name: string): Promise<Socket> {
  const socket = connect(port, "127.0.0.1");
  await once(socket, "connect");
  socket.write(`${name}\n`);
  return socket;
}

/** Comes, and is in the room. */
async function listen(name: string): Promise<Reader> {
  const socket = await come(name);
  socket.on("close", () => assert.fail(`${name} was closed`));
  const reader = { name, socket, length: 0, said: 0 };
  await readUpTo(reader, /^\* in lobby there are [^\n]*\n/m);
  return reader;
}

/** Reads up to what matches, and puts back what is behind it. */
async function readUpTo({ socket }: Reader, pattern: RegExp): Promise<void> {
  let text = "";
  for (;;) {
    const match = text.match(pattern);
    if (match) {
      socket.pause();
      return socket.unshift(text.slice(match.index! + match[0].length), "latin1");
    }
    text += String((await once(socket.resume(), "data"))[0]);
  }
}

const names = (what: string, count: number): string[] =>
  Array.from({ length: count }, (_, i) => `${what}${i}`);

for (const name of names("silent", silent)) (await come(name)).pause();
const readers = await Promise.all(names("reader", members - silent).map(listen));
const started = Promise.all(
  readers.map((reader) => readUpTo(reader, new RegExp(`^\\w+: ${START}\\n`, "m"))),
);
readers[0]!.socket.write(`${START}\n`);
await started;
for (const reader of readers) reader.socket.on("data", (chunk) => onData(reader, chunk)).resume();

const hasLeft = (): number =>
  heard.toString("latin1", 0, foremost).split(" leaves lobby: does not read\n").length - 1;
for (let round = 0; hasLeft() < silent && foremost < LONGEST_TALK; round++) {
  behind = readers.length;
  expected = foremost;
  const everybody = new Promise<void>((resolve) => caughtUp = resolve);
  for (let i = 0; i < SPEAKERS; i++) {
    const reader = readers[(round * SPEAKERS + i) % readers.length]!;
    const line = `${reader.said++} ${LINE}\n`;
    expected += `${reader.name}: ${line}`.length;
    reader.socket.write(line);
  }
  await everybody;
}

const lines = heard.toString("latin1", 0, foremost).split("\n").slice(0, -1);
const left = lines.map((line) => line.match(/^\* (.*) leaves lobby: does not read$/)?.[1])
  .filter((name) => name !== undefined);
assert.deepEqual(left.toSorted(), names("silent", silent).toSorted());
for (const { name, said } of readers) {
  const its = lines.filter((line) => line.startsWith(`${name}: `));
  assert.deepEqual(its, Array.from({ length: said }, (_, i) => `${name}: ${i} ${LINE}`));
}
assert.equal(lines.length, readers.reduce((sum, { said }) => sum + said, silent));
console.log(`${readers.length} have read the same ${lines.length} lines`);
