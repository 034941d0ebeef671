/**
 * Whatever is given to the public functions instead of what they expect: each does its work, or says in this library's words
 * what it must be, and never in those that a runtime has for a value that it tripped over.
 */
import { after, test } from "node:test";
import { assertEquals } from "@std/assert";
import * as asynchat from "../mod.ts";
import * as processes from "../src/process/mod.ts";
import * as testing from "../src/testing/mod.ts";
import * as tls from "../src/tls/mod.ts";
import * as udp from "../src/udp/mod.ts";
import * as websocket from "../src/websocket/mod.ts";

const { Chat, ChatError, Framer, FrameStream, Listener, memoryPair, Server } = asynchat;

type Call = (...args: unknown[]) => unknown;

/** What a careless program gives: a value that it has forgotten, or another one, with good ones beside it. */
const WRONG: readonly unknown[] = [
  undefined,
  null,
  7,
  -1,
  NaN,
  "text",
  "",
  true,
  Symbol("wrong"),
  10n,
  {},
  Object.create(null),
  [],
  [null],
  [Symbol("wrong")],
  () => {},
  new Date(0),
  new Proxy({}, {}),
];

/** Options that are in order, each time with another value that is wrong. */
function* wrongOptions(good: object): Generator<object> {
  const names = [
    ...["terminator", "encoding", "fatal", "maxFrameLength", "incomplete", "highWaterMark"],
    ...[
      "maxQueuedBytes",
      "idleTimeout",
      "frameTimeout",
      "linger",
      "signal",
      "hostname",
      "port",
      "path",
      "url",
      "transport",
    ],
    ...["tls", "timeout", "noDelay", "keepAlive", "wrap", "reusePort", "maxConnections"],
    ...["whenFull", "onError", "grace", "keep", "bytes", "littleEndian", "offset", "adjust"],
    ...["strip", "header", "seed", "split", "merge", "delay", "resetAfter", "stallAfter", "send"],
    ...["maxBufferedBytes", "readable", "writable", "signed", "isServer", "strict", "orEnd"],
    ...["decode", "encode"],
  ];
  for (const name of names) {
    for (const value of WRONG) yield { ...good, [name]: value };
  }
  for (const name of ["ca", "cert", "key", "servername", "alpn", "requestCert", "minVersion"]) {
    for (const value of WRONG) yield { ...good, tls: { [name]: value } };
  }
}

/** A chat whose peer has ended: a read in order is answered at once. */
function newChat(): asynchat.Chat {
  const [left, right] = memoryPair();
  right.close();
  return new Chat(left, { terminator: "\n" });
}

const listener = await asynchat.listen({ port: 0, terminator: "\n" });
after(() => listener.close());

/** What is called of everything public, with arguments that are in order: each in turn is replaced. */
const CALLS: Readonly<Record<string, readonly [call: Call, ...args: unknown[]]>> = {
  tls: [tls.tls as Call, { alpn: ["a"] }, { hostname: "localhost", isServer: false }],
  bindUdp: [udp.bindUdp as Call, { port: 0 }],
  anyOf: [asynchat.anyOf as Call, "a", "b"],
  codec: [asynchat.codec as Call, asynchat.lines(), { decode: () => 1, encode: () => "" }],
  connect: [asynchat.connect as Call, { port: 1, terminator: "\n" }],
  "connect to a URL": [asynchat.connect as Call, "tcp://127.0.0.1:1", { terminator: "\n" }],
  delimited: [asynchat.delimited as Call, "\n", { keep: true }],
  fromBun: [asynchat.fromBun as Call, () => {}],
  fromBunWebSocket: [websocket.fromBunWebSocket as Call, () => {}, {}],
  fromDeno: [asynchat.fromDeno as Call, undefined],
  fromIterable: [asynchat.fromIterable as Call, [], { write: () => {} }],
  fromNode: [asynchat.fromNode as Call, undefined],
  fromProcess: [processes.fromProcess as Call, undefined, {}],
  fromStreams: [asynchat.fromStreams as Call, { readable: new ReadableStream() }],
  fromWebSocket: [websocket.fromWebSocket as Call, undefined, {}],
  headed: [asynchat.headed as Call, 2, () => 1, {}],
  jsonLines: [asynchat.jsonLines as Call],
  lengthPrefixed: [asynchat.lengthPrefixed as Call, {}],
  lines: [asynchat.lines as Call],
  listen: [asynchat.listen as Call, { port: 0, terminator: "\n" }],
  memoryPair: [memoryPair as Call],
  netstring: [asynchat.netstring as Call],
  serve: [asynchat.serve as Call, { port: 0, terminator: "\n" }, () => {}],
  tap: [asynchat.tap as Call, memoryPair()[0], () => {}],
  "tls()": [tls.tls as Call, {}, { isServer: false, hostname: "localhost" }],
  varintPrefixed: [asynchat.varintPrefixed as Call, { strict: true }],
  chaos: [testing.chaos as Call, memoryPair()[0], { seed: 1 }],
  checkConnection: [testing.checkConnection as Call, undefined],
  "new Chat()": [make(Chat), memoryPair()[0], { terminator: "\n" }, new Uint8Array()],
  "new Framer()": [make(Framer), { terminator: "\n" }],
  "new FrameStream()": [make(FrameStream), { terminator: "\n" }],
  "new Listener()": [make(Listener), listener, { terminator: "\n" }],
  "new Server()": [make(Server), listener, () => {}, {}],
  "chat.terminator": [(value) => newChat().terminator = value as string, "\n"],
  "chat.maxFrameLength": [(value) => newChat().maxFrameLength = value as number, 1],
  "chat.read()": [on(newChat, "read"), "\n", { timeout: 0 }],
  "chat.readBytes()": [on(newChat, "readBytes"), "\n", { timeout: 0 }],
  "chat.readText()": [on(newChat, "readText"), "\n", { timeout: 0 }],
  "chat.stream()": [on(newChat, "stream"), "\n"],
  "chat.push()": [on(newChat, "push"), "data", "data"],
  "chat.read() of options alone": [on(newChat, "read"), { timeout: 0 }],
  "chat.send()": [on(newChat, "send"), "data"],
  "chat.upgrade()": [on(newChat, "upgrade"), tls.tls()],
  "chat.close()": [on(newChat, "close"), undefined],
  "framer.push()": [on(() => new Framer({ terminator: "\n" }), "push"), new Uint8Array()],
  "framer.terminator": [
    (value) => new Framer({ terminator: "\n" }).terminator = value as string,
    "\n",
  ],
};

test("the calls of this test are all that is public", () => {
  const functions = Object.keys({
    ...asynchat,
    ...processes,
    ...testing,
    ...tls,
    ...udp,
    ...websocket,
  }).filter((
    name,
  ) => /^[a-z]/.test(name));
  assertEquals(
    Object.keys(CALLS).filter((name) => functions.includes(name)).length,
    functions.length - 1, // fromStdio() takes none
  );
});

for (const [name, [call, ...args]] of Object.entries(CALLS)) {
  test(`${name} says what each argument must be, whatever it is given`, async () => {
    const unclear: string[] = [];
    for (const wrong of [[], ...args.flatMap((_, i) => replacements(args, i))]) {
      const error = await failure(() => call(...wrong));
      if (error === undefined || isClear(error)) continue;
      unclear.push(`${wrong.map(show)}: ${error}`);
    }
    assertEquals(unclear, []);
  });
}

function replacements(args: readonly unknown[], i: number): unknown[][] {
  const good = args[i];
  const options = Object.getPrototypeOf(good ?? []) === Object.prototype ? wrongOptions(good!) : [];
  return [...WRONG, ...options].map((wrong) => args.with(i, wrong));
}

interface Closable {
  close(): unknown;
  shutdown(options: { readonly grace: number }): Promise<void>;
}

const OURS = /\b(unknown option|must|expected|needs?|takes?|can only|cannot be|there is no)\b/;

function isClear(error: unknown): boolean {
  if (error instanceof ChatError) return true;
  return (error instanceof TypeError || error instanceof RangeError) && OURS.test(error.message);
}

async function failure(call: () => unknown): Promise<unknown> {
  try {
    const made = await call() as Partial<Closable> | undefined;
    await (made?.shutdown?.({ grace: 0 }) ?? made?.close?.());
    return undefined;
  } catch (error) {
    return error ?? "nothing was thrown";
  }
}

function show(value: unknown): string {
  if (typeof value !== "object" || value === null) return String(value);
  return `{${Object.entries(value).map(([key, item]) => `${key}: ${show(item)}`)}}`.replaceAll(
    "\n",
    "\\n",
  );
}

function make(type: unknown): Call {
  return (...args) => new (type as new (...args: unknown[]) => unknown)(...args);
}

function on<T>(newObject: () => T, method: keyof T): Call {
  return (...args) => (newObject()[method] as Call)(...args);
}
