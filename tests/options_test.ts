/** Promise 32: an unknown option is a `TypeError` that names it and the nearest known one, in every options object. */
import { test } from "node:test";
import { assertRejects, assertThrows } from "@std/assert";
import * as asynchat from "../mod.ts";
import { fromProcess } from "../src/process/mod.ts";
import { chaos } from "../src/testing/mod.ts";
import { bindUdp } from "../src/udp/mod.ts";
import { fromBunWebSocket, fromWebSocket } from "../src/websocket/mod.ts";
import { Authority } from "./support/certificates.ts";
import { FakeWebSocket } from "./support/fake_websocket.ts";

const { Chat, Framer, FrameStream, Listener, memoryPair, Server } = asynchat;

/** Options in order, with one more that is not: what it is checked for may say nothing of its type. */
type Options = never;

const LINES = { terminator: "\n" };
const UDP = await bindUdp();
const { cert, key } = new Authority().sign("DNS:localhost");

function newChat(): asynchat.Chat {
  return new Chat(memoryPair()[0], { terminator: "\n" });
}

async function onServer(work: (server: asynchat.Server) => Promise<unknown>): Promise<void> {
  const server = await asynchat.serve({ port: 0, terminator: "\n" }, () => {});
  try {
    await work(server);
  } finally {
    await server.shutdown();
  }
}

async function onListener(work: (listener: asynchat.Listener) => unknown): Promise<void> {
  await using listener = await asynchat.listen({ port: 0, terminator: "\n" });
  await work(listener);
}

/** Where options go; what is misspelt; the name that it should have; and options that are in order beside it. */
type Door = readonly [
  name: string,
  call: (options: Options) => unknown,
  wrong: string,
  right: string,
  beside?: object,
];

const DOORS: readonly Door[] = [
  ["connect()", asynchat.connect, "maxFrameLenght", "maxFrameLength", { port: 1, ...LINES }],
  [
    "connect(url)",
    (options) => asynchat.connect("tcp://127.0.0.1:1", options),
    "timeuot",
    "timeout",
    LINES,
  ],
  ["listen()", asynchat.listen, "reuseport", "reusePort", { port: 0, ...LINES }],
  [
    "serve()",
    (options) => asynchat.serve(options, () => {}),
    "maxConnection",
    "maxConnections",
    { port: 0, ...LINES },
  ],
  [
    "new Listener()",
    (options) => onListener((listener) => new Listener(listener as never, options)),
    "idleTimout",
    "idleTimeout",
    LINES,
  ],
  [
    "new Server()",
    (options) => onListener((listener) => new Server(listener, () => {}, options)),
    "whenfull",
    "whenFull",
  ],
  [
    "server.shutdown()",
    (options) => onServer((server) => server.shutdown(options)),
    "grase",
    "grace",
  ],
  [
    "new Chat()",
    (options) => new Chat(memoryPair()[0], options),
    "frametimeout",
    "frameTimeout",
    LINES,
  ],
  ["new Framer()", (options) => new Framer(options), "incomplet", "incomplete", LINES],
  ["new FrameStream()", (options) => new FrameStream(options), "encodign", "encoding", LINES],
  ["chat.read()", (options) => newChat().read("\n", options), "timeot", "timeout"],
  ["chat.read() of options alone", (options) => newChat().read(options), "timeot", "timeout"],
  ["chat.readBytes()", (options) => newChat().readBytes("\n", options), "singal", "signal"],
  ["chat.readText()", (options) => newChat().readText("\n", options), "singal", "signal"],
  ["delimited()", (options) => asynchat.delimited("\n", options), "kepe", "keep"],
  ["anyOf()", (options) => asynchat.anyOf("\n", options), "orend", "orEnd"],
  ["lines()", asynchat.lines, "orEnds", "orEnd"],
  ["headed()", (options) => asynchat.headed(1, () => 1, options), "stripe", "strip"],
  ["lengthPrefixed()", asynchat.lengthPrefixed, "littleendian", "littleEndian"],
  ["varintPrefixed()", asynchat.varintPrefixed, "stric", "strict"],
  ["fromProcess()", (options) => fromProcess((() => {}) as never, options), "grade", "grace"],
  [
    "fromWebSocket()",
    (options) => fromWebSocket(new FakeWebSocket() as never, options),
    "maxBufferBytes",
    "maxBufferedBytes",
  ],
  ["fromBunWebSocket()", (options) => fromBunWebSocket(() => {}, options), "sent", "send"],
  ["chaos()", (options) => chaos(memoryPair()[0], options), "splits", "split", { seed: 1 }],
  ["bindUdp()", bindUdp, "hostName", "hostname"],
  ["socket.receive()", (options) => UDP.receive(options), "timeOut", "timeout"],
];

/** The same for objects inside of options, whose name stands before the option's. */
const INNER: readonly Door[] = [
  [
    "linger of new Chat()",
    (linger) => new Chat(memoryPair()[0], { terminator: "\n", linger }),
    "linger.idel",
    "linger.idle",
  ],
  [
    "linger of connect()",
    (linger) => asynchat.connect({ port: 1, terminator: "\n", linger }),
    "linger.toatl",
    "linger.total",
  ],
  [
    "tls of connect()",
    (tls) => asynchat.connect({ port: 1, terminator: "\n", tls }),
    "tls.rejectUnauthorised",
    "tls.rejectUnauthorized",
  ],
  [
    "tls of listen()",
    (tls) => asynchat.listen({ port: 0, terminator: "\n", tls }),
    "tls.requestCerts",
    "tls.requestCert",
    { cert, key },
  ],
  [
    "tls of serve()",
    (tls) => asynchat.serve({ port: 0, terminator: "\n", tls }, () => {}),
    "tls.handshakeTimout",
    "tls.handshakeTimeout",
    { cert, key },
  ],
];

for (const [name, call, wrong, right, beside] of [...DOORS, ...INNER]) {
  test(`${name} refuses an unknown option, and names the one that may be meant`, async () => {
    const message = `unknown option ${wrong}: did you mean ${right}?`;
    const option = wrong.split(".").at(-1)!;
    for (const value of [1, undefined]) {
      const options = { ...beside, [option]: value } as Options;
      await assertRejects(async () => await call(options), TypeError, message);
    }
  });
}

test("an unknown option that is like no other is refused with the names of those that there are", () => {
  assertThrows(
    () => asynchat.lengthPrefixed({ colour: "red" } as never),
    TypeError,
    "unknown option colour: there are bytes, littleEndian, signed, offset, adjust, strip",
  );
  assertThrows(
    () => new Chat(memoryPair()[0], { terminator: "\n", linger: { colour: 1 } as never }),
    TypeError,
    "unknown option linger.colour: there are total, idle",
  );
});

test("host has an error of its own, and what is added to every object is not taken for an option", async () => {
  const wrong = { host: "127.0.0.1", port: 1, terminator: "\n" };
  await assertRejects(() => asynchat.connect(wrong), TypeError, "use hostname");
  Object.defineProperty(Object.prototype, "colour", {
    value: "red",
    enumerable: true,
    configurable: true,
  });
  try {
    new Framer({ terminator: "\n" });
  } finally {
    delete (Object.prototype as { colour?: string }).colour;
  }
});

test("what objects have without being asked is no option", () => {
  for (const option of ["constructor", "toString", "__proto__"]) {
    const options = JSON.parse(`{ "terminator": "\\n", "${option}": 1 }`);
    assertThrows(() => new Framer(options), TypeError, `unknown option ${option}`);
  }
});

test("the address of a listener, and options of one side, are options as they are", async () => {
  await using listener = await asynchat.listen({ port: 0, terminator: "\n" });
  const frozen = Object.freeze({ ...listener.address, terminator: "\n" });
  const chat = await asynchat.connect(frozen);
  chat.close();
  await UDP.close();
});
