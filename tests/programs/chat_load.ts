/**
 * Fills a chat, over Node's own sockets: `chat_load.ts PORT,PORT,... MEMBERS LINES`. The members are spread over the servers; when all
 * are there, each says so many lines. Checks that each of them hears each line of everybody once, and each speaker's in order.
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import process from "node:process";

const [portList, ...numbers] = process.argv.slice(2);
const ports = portList!.split(",").map(Number);
const [count, linesEach] = numbers.map(Number) as [number, number];

/** How many come at a time. */
const AT_ONCE = 50;
const NEWLINE = 0x0a;

class Member {
  readonly name: string;
  readonly #socket: Socket;
  #rest: Buffer = Buffer.alloc(0);
  /** How many lines it has heard of each. */
  readonly #heard: Uint32Array = new Uint32Array(count);
  #total = 0;
  #isIn: () => void = () => {};

  constructor(number: number) {
    this.name = `m${number}`;
    this.#socket = connect(ports[number % ports.length]!, "127.0.0.1");
    this.#socket.on("data", (data) => this.#onData(data));
    this.#socket.on("close", () => assert.fail(`${this.name} was closed`));
  }

  async come(): Promise<void> {
    const isIn = new Promise<void>((resolve) => this.#isIn = resolve);
    await once(this.#socket, "connect");
    this.say(this.name);
    await isIn;
  }

  say(line: string): void {
    this.#socket.write(`${line}\n`);
  }

  #onData(data: Buffer): void {
    const all = this.#rest.length === 0 ? data : Buffer.concat([this.#rest, data]);
    let start = 0;
    for (let end = all.indexOf(NEWLINE); end >= 0; end = all.indexOf(NEWLINE, start)) {
      this.#onLine(all.toString("latin1", start, end));
      start = end + 1;
    }
    this.#rest = all.subarray(start);
  }

  #onLine(line: string): void {
    if (line.startsWith("* in lobby")) this.#isIn();
    if (line.startsWith("* ")) return;
    const colon = line.indexOf(": ");
    assert.ok(line.startsWith("m") && colon > 0, `${this.name} has read ${JSON.stringify(line)}`);
    const speaker = Number(line.slice(1, colon));
    const expected = this.#heard[speaker]!++;
    assert.equal(line.slice(colon + 2), String(expected), `${this.name} has heard m${speaker}`);
    if (++this.#total === expectedTotal) onOneHasAll();
  }
}

let expectedTotal = Infinity;
let have = 0;
let allHave = (): void => {};

function onOneHasAll(): void {
  if (++have === count) allHave();
}

/** Resolves when each has heard so many lines in all. */
async function everybodyHears(total: number): Promise<void> {
  have = 0;
  expectedTotal = total;
  await new Promise<void>((resolve) => allHave = resolve);
}

const members = Array.from({ length: count }, (_, i) => i);
const here: Member[] = [];
for (let at = 0; at < count; at += AT_ONCE) {
  const those = members.slice(at, at + AT_ONCE).map((number) => new Member(number));
  await Promise.all(those.map((member) => member.come()));
  here.push(...those);
}
const start = performance.now();
const heard = everybodyHears(count * linesEach);
for (const member of here) {
  member.say(Array.from({ length: linesEach }, (_, i) => i).join("\n"));
}
await heard;
const seconds = (performance.now() - start) / 1_000;
// One more of each server's: whatever comes twice has come by then.
const last = here.slice(0, ports.length);
const ended = everybodyHears(count * linesEach + last.length);
for (const member of last) member.say(String(linesEach));
await ended;
const lines = count * linesEach;
console.log(
  `${count} members have heard each of ${lines} lines once, in order: ${seconds.toFixed(2)} s, ` +
    `${Math.round(lines * count / seconds)} a second`,
);
