/** `serveHttp()`, byte for byte: what each request is answered with, and whether the conversation goes on. */
import { test } from "node:test";
import { assert, assertEquals, assertMatch } from "@std/assert";
import type { Response } from "../../../examples/http/response.ts";
import { HTTP, type HttpOptions, type Request, serveHttp } from "../../../examples/http/server.ts";
import { Chat, type Connection, memoryPair } from "../../../mod.ts";
import { bytes, concat, text } from "../../support/bytes.ts";
import { attack, handledBy } from "../../support/hostile_peers.ts";

const newChat = (connection: Connection): Chat => new Chat(connection, HTTP);

/** Answers with what it was asked. */
async function mirror(request: Request): Promise<Response> {
  const { method, target, version, body } = request;
  switch (target) {
    case "/unread":
      return { body: "fine" };
    case "/throws":
      throw new Error("the program is wrong");
    case "/stream":
      return { body: ["one", "", "two"] };
    case "/known":
      return { fields: { "content-length": "6" }, body: ["one", "two"] };
    case "/short":
      return { fields: { "content-length": "7" }, body: ["one", "two"] };
    case "/empty":
      return { status: 204 };
    case "/split":
      return { fields: { "x-a": "b\r\nx-c: d" } };
    case "/back":
      return { body };
    case "/url":
      return { body: request.url.href };
    default:
      return { body: `${method} ${target} ${version} ${await body.text()}` };
  }
}

/** All that a client is answered, without the dates. */
async function answersTo(
  input: string | Uint8Array,
  options: HttpOptions = {},
  handler: (request: Request) => Response | Promise<Response> = mirror,
  ends: boolean = false,
): Promise<string> {
  const [left, right] = memoryPair();
  const onError = (): void => {};
  const served = handledBy(newChat, (chat) => serveHttp(chat, handler, { onError, ...options }))(
    left,
  );
  const client = new Chat(right, { terminator: null });
  client.push(input);
  if (ends) client.closeWrite();
  const pieces: Uint8Array[] = [];
  for await (const piece of client) pieces.push(piece);
  await Promise.all([client.closeWhenDone(), served.catch(() => {})]);
  return text(concat(pieces)).replace(/Date: [^\r]+\r\n/g, "");
}

const OK = "HTTP/1.1 200 OK\r\n";
const STOP = "GET /stop HTTP/1.1\r\nHost: x\r\n\r\n";
const get = (target: string, ...lines: string[]): string =>
  [`GET ${target} HTTP/1.1`, "Host: x", ...lines, "", ""].join("\r\n");
const post = (target: string, body: string, ...lines: string[]): string =>
  [`POST ${target} HTTP/1.1`, "Host: x", ...lines, "", body].join("\r\n");

function answered(body: string, ...lines: string[]): string {
  return [`${OK}Content-Length: ${body.length}`, ...lines, "", body].join("\r\n");
}

const stopped = (request: string, response: string): [string, string] => [
  request + get("/stop", "Connection: close"),
  response + answered("GET /stop 1.1 ", "Connection: close"),
];

test("serveHttp() answers requests one after the other, with bodies of each kind", async () => {
  const conversations: readonly (readonly [input: string, output: string])[] = [
    stopped(get("/a?b=c"), answered("GET /a?b=c 1.1 ")),
    stopped(`\r\n${get("/a")}`, answered("GET /a 1.1 ")),
    stopped("OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", answered("OPTIONS * 1.1 ")),
    stopped("GET /a HTTP/1.3\r\nhOST:x\r\n\r\n", answered("GET /a 1.1 ")),
    stopped(post("/a", "hello", "Content-Length: 5"), answered("POST /a 1.1 hello")),
    stopped(post("/a", "", "Content-Length: 0"), answered("POST /a 1.1 ")),
    stopped(
      post("/a", "5\r\nhello\r\n6;a=b;c\r\n world\r\n0\r\n\r\n", "Transfer-Encoding: chunked"),
      answered("POST /a 1.1 hello world"),
    ),
    stopped(
      post("/a", "00000a\r\n0123456789\r\n0\r\nX-Sum: 1\r\n\r\n", "transfer-encoding: Chunked"),
      answered("POST /a 1.1 0123456789"),
    ),
    stopped(post("/unread", "hello", "Content-Length: 5"), answered("fine")),
    stopped(
      post("/unread", "5\r\nhello\r\n0\r\n\r\n", "Transfer-Encoding: chunked"),
      answered("fine"),
    ),
    stopped(
      get("/stream"),
      `${OK}Transfer-Encoding: chunked\r\n\r\n3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n`,
    ),
    stopped(get("/known"), `${OK}content-length: 6\r\n\r\nonetwo`),
    stopped("HEAD /known HTTP/1.1\r\nHost: x\r\n\r\n", `${OK}content-length: 6\r\n\r\n`),
    stopped("HEAD /a HTTP/1.1\r\nHost: x\r\n\r\n", `${OK}Content-Length: 12\r\n\r\n`),
    stopped(get("/empty"), "HTTP/1.1 204 No Content\r\n\r\n"),
    stopped(
      post("/a", "hello", "Content-Length: 5", "Expect: 100-continue"),
      `HTTP/1.1 100 Continue\r\n\r\n${answered("POST /a 1.1 hello")}`,
    ),
    stopped(
      post("/back", "hello", "Content-Length: 5"),
      `${OK}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
    ),
    stopped( // the go-ahead comes before the answer, also where the answer is what reads the body
      post("/back", "hello", "Content-Length: 5", "Expect: 100-continue"),
      `HTTP/1.1 100 Continue\r\n\r\n${OK}Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`,
    ),
    stopped(
      post("/a", "5 ;a=b\r\nhello\r\n0\r\n\r\n", "Transfer-Encoding:\tchunked \t"),
      answered("POST /a 1.1 hello"),
    ),
    stopped(get("/url"), answered("http://x/url")),
    stopped(
      "GET http://y:8/url HTTP/1.1\r\nHost: y:8\r\n\r\n",
      answered("GET http://y:8/url 1.1 "),
    ),
    ["GET /a HTTP/1.0\r\n\r\n", answered("GET /a 1.0 ", "Connection: close")],
    [
      "GET /stream HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
      `${OK}Connection: close\r\n\r\nonetwo`,
    ],
    [
      "GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\nGET /b HTTP/1.0\r\n\r\n",
      answered("GET /a 1.0 ", "Connection: keep-alive") +
      answered("GET /b 1.0 ", "Connection: close"),
    ],
    [get("/a", "Connection: foo, Close") + STOP, answered("GET /a 1.1 ", "Connection: close")],
  ];
  for (const [input, output] of conversations) {
    assertEquals(await answersTo(input), output, input);
  }
});

const LENGTHS = ["5, 5", "+5", "0x5", "-5", "", "5\u00a0", "\v5", "5 5", "99999999999999999999"];
/** The last of these is what trim() and toLowerCase() would take for "chunked", and another program would not. */
const ENCODINGS = [
  ...[
    "chunked, identity",
    "xchunked",
    "",
    "\vchunked",
    "chunked\f",
    "\u00a0chunked",
    "chun\u212aed",
  ],
];
const CHUNKS = [
  ...["x\r\n", "\r\n", "fffffffff\r\n", "5\nhello\r\n0\r\n\r\n", "5\r\nhelloX\r\n0\r\n\r\n"],
  ...["-5", "+5", "0x5", "5 ", " 5", "5;\0"].map((size) => `${size}\r\nhello\r\n0\r\n\r\n`),
  ...[2_000, 100_000].map((length) => `5;${"x".repeat(length)}\r\nhello\r\n`),
  ...["bad trailer", "X : y"].map((field) => `0\r\n${field}\r\n\r\n`),
];
const FIELDS = [
  " folded: line",
  "A: b\r\n\tfolded",
  "Content-Length : 5",
  "no colon",
  ": empty",
  "A: \0",
];
const LINES = [
  ...[
    "nonsense",
    "GET /",
    "GET  / HTTP/1.1",
    "GET / HTTP/1.1 ",
    "G@T / HTTP/1.1",
    "GET / http/1.1",
  ],
  ...["GET /\0 HTTP/1.1", "GET /\x7f HTTP/1.1", "GET /a b HTTP/1.1", "\x16\x03\x01\x02\x00\x01"], // which is TLS
];

test("serveHttp() refuses what is no HTTP with the status that says so, and reads nothing after it", async () => {
  const zero = "0\r\n\r\n";
  const refused: readonly (readonly [status: number, input: string])[] = [
    ...LINES.map((line) => [400, `${line}\r\nHost: x\r\n\r\n`] as const),
    ...FIELDS.map((field) => [400, get("/", field)] as const),
    ...LENGTHS.map((length) => [400, post("/a", "hello", `Content-Length: ${length}`)] as const),
    ...ENCODINGS.map((name) => [400, post("/a", zero, `Transfer-Encoding: ${name}`)] as const),
    ...CHUNKS.map((body) => [400, post("/a", body, "Transfer-Encoding: chunked")] as const),
    [400, "GET / HTTP/1.1\r\n\r\n"],
    [400, "GET / HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n"],
    [400, "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"],
    [400, "GET / HTTP/1.1\nHost: x\n\n"],
    [400, "GET / HTTP/1.1\r\nHost: x\n\r\n"],
    [400, "GET / HTTP/1.1\r\nHost: x\rX: y\r\n\r\n"],
    [400, "GET /url HTTP/1.1\r\nHost: [\r\n\r\n"],
    [400, post("/a", "hello", "Content-Length: 5", "Content-Length: 6")],
    [400, post("/a", "hello", "Content-Length: 5", "Content-Length: 5")],
    [400, post("/a", zero, "Content-Length: 5", "Transfer-Encoding: chunked")],
    [400, post("/a", zero, "Transfer-Encoding: chunked", "Transfer-Encoding: identity")],
    [400, `POST /a HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n${zero}`],
    [413, post("/a", "", "Content-Length: 1048577")],
    [413, post("/a", "100001\r\n", "Transfer-Encoding: chunked")],
    [414, get(`/${"x".repeat(10_000)}`)],
    [417, post("/a", "hello", "Content-Length: 5", "Expect: miracles")],
    [431, get("/", `A: ${"x".repeat(100_000)}`)],
    [431, get("/", ...Array.from({ length: 300 }, (_, i) => `A${i}: b`))],
    [431, post("/a", `0\r\n${"X: y\r\n".repeat(100)}\r\n`, "Transfer-Encoding: chunked")],
    [501, post("/a", zero, "Transfer-Encoding: gzip, chunked")],
    [505, "GET / HTTP/2.0\r\nHost: x\r\n\r\n"],
    [505, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"],
  ];
  for (const [status, input] of refused) {
    const isEnded = !input.includes("\r\n\r\n");
    const output = await answersTo(isEnded ? input : input + STOP, {}, mirror, isEnded);
    assertMatch(output, new RegExp(`^HTTP/1\\.1 ${status} [^]*\r\nConnection: close\r\n`), input);
    assertEquals(output.match(/HTTP\/1\.1 \d/g)?.length, 1, input);
  }
});

test("serveHttp() answers with the body of the request itself, however large, and whatever follows", async () => {
  const large = "x".repeat(400_000);
  const old = `POST /back HTTP/1.0\r\nContent-Length: ${large.length}\r\n\r\n${large}`;
  assertEquals(await answersTo(old), `${OK}Connection: close\r\n\r\n${large}`);
  const closing = await answersTo(
    post("/back", large, `Content-Length: ${large.length}`, "Connection: close"),
  );
  assertEquals(closing.replace(/\r\n[\da-f]+\r\n/g, "").match(/x/g)?.length, large.length);
  assertEquals(closing.slice(-5), "0\r\n\r\n");
});

test("serveHttp() answers 500 to what a handler throws, or cannot mean, and tells only the program why", async () => {
  const told: unknown[] = [];
  const onError = (error: unknown): void => void told.push(error);
  for (const target of ["/throws", "/split"]) {
    const output = await answersTo(get(target) + STOP, { onError });
    assertMatch(
      output,
      /^HTTP\/1\.1 500 [^]*Connection: close\r\n\r\nsomething went wrong here\n$/,
    );
  }
  assertEquals(told.map((error) => (error as Error).message), [
    "the program is wrong",
    'x-a cannot be "b\\r\\nx-c: d"',
  ]);
  const wrong: readonly Response[] = [
    { status: 99 },
    { fields: { "a b": "c" } },
    { fields: { "transfer-encoding": "chunked" } },
    { fields: { "content-length": "x" }, body: "a" },
    { fields: { "content-length": "5" }, body: "a" },
    { fields: { "content-length": ["1", "1"] }, body: ["a"] },
    { fields: { "content-length": "1", "Content-Length": "2" }, body: ["a"] },
    { fields: { "x-a": "b\nc" } },
    { fields: { "x-a": "b\rc" } },
    { fields: { "x-a": ["b", "c\0"] } },
    { fields: { "x-a\r\nx-b": "c" } },
  ];
  for (const response of wrong) {
    const output = await answersTo(get("/"), { onError }, () => response);
    assertMatch(output, /^HTTP\/1\.1 500 /, JSON.stringify(response));
  }
});

test("serveHttp() sends each piece of an answer as one chunk, and no empty one, which would be the last", async () => {
  const [accent, nothing, large] = [bytes("\u00e9"), new Uint8Array(0), "x".repeat(10_000)];
  const pieces = ["one", "", "\u00e9", accent, nothing, large, bytes(large)];
  async function* later(): AsyncGenerator<string | Uint8Array | Uint8Array[]> {
    yield* pieces;
    yield [accent, nothing, accent];
  }
  const [short, long] = ["2\r\n\u00e9\r\n", `2710\r\n${large}\r\n`];
  const chunks = `3\r\none\r\n${short}${short}${long}${long}`;
  const head = `${OK}Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n`;
  const request = get("/", "Connection: close");
  assertEquals(await answersTo(request, {}, () => ({ body: pieces })), `${head}${chunks}0\r\n\r\n`);
  assertEquals(
    await answersTo(request, {}, () => ({ body: later() })),
    `${head}${chunks}${short}${short}0\r\n\r\n`,
  );
});

test("serveHttp() says how long text is in bytes", async () => {
  const output = await answersTo(
    get("/", "Connection: close"),
    {},
    () => ({ body: "\u00e9\u4e2d" }),
  );
  assertEquals(output, `${OK}Content-Length: 5\r\nConnection: close\r\n\r\n\u00e9\u4e2d`);
});

test("serveHttp() breaks off an answer that is not as long as it said", async () => {
  const output = await answersTo(get("/short") + STOP);
  assertEquals(output, `${OK}content-length: 7\r\n\r\nonetwo`);
});

test("serveHttp() pulls no more of an answer than it said, also where there is no end of it", async () => {
  let isOver = false;
  function* endless(): Generator<string> {
    try {
      for (;;) yield "xxx";
    } finally {
      isOver = true;
    }
  }
  const output = await answersTo(
    get("/") + STOP,
    {},
    () => ({ fields: { "content-length": "5" }, body: endless() }),
  );
  assertEquals(output, `${OK}content-length: 5\r\n\r\nxxx`);
  assert(isOver);
});

test("serveHttp() keeps no connection on which a body may still come that nobody wants", async () => {
  const waiting = post("/unread", "", "Content-Length: 5", "Expect: 100-continue");
  assertEquals(await answersTo(waiting), answered("fine", "Connection: close"));
  const large = post("/unread", "x".repeat(400_000), "Content-Length: 400000");
  assertEquals(await answersTo(large), answered("fine", "Connection: close"));
});

test("serveHttp() waits no longer for a request than it was told to", async () => {
  const options = { headTimeout: 20 };
  assertEquals(await answersTo("", options), "");
  const half = await answersTo("GET / HTTP/1.1\r\nHo", options);
  assertMatch(half, /^HTTP\/1\.1 408 [^]*Connection: close\r\n/);
  assertEquals(
    await answersTo(post("/a", "hel", "Content-Length: 5"), { bodyTimeout: 20 }),
    "",
  );
});

test("serveHttp() survives clients that send nonsense", () =>
  attack({
    serve: handledBy(newChat, (chat) => serveHttp(chat, mirror, { onError: () => {} })),
    samples: [
      get("/a") + get("/stream") + get("/b", "Connection: close"),
      post("/a", "hello", "Content-Length: 5") + get("/known") + STOP,
      post(
        "/back",
        "5;a=b\r\nhello\r\n6\r\n world\r\n0\r\nX: y\r\n\r\n",
        "Transfer-Encoding: chunked",
      ) + STOP,
      post("/unread", "hello", "Content-Length: 5", "Expect: 100-continue") + STOP,
      "GET /url HTTP/1.0\r\nConnection: keep-alive\r\n\r\nHEAD / HTTP/1.0\r\n\r\n",
    ],
    checkAnswer(answer) {
      const said = new TextDecoder("latin1").decode(answer);
      const isCutOff = said.length < "HTTP/1.1 200 ".length;
      assert(isCutOff || /^HTTP\/1\.1 [1-5]\d\d /.test(said), said);
    },
  }));
