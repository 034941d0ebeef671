/** The lines of the NATS protocol, and the headers of its messages. */
import { test } from "node:test";
import { assertEquals, assertThrows } from "@std/assert";
import { NatsError } from "../../../examples/nats/error.ts";
import { encodeHeaders, parseHeaders } from "../../../examples/nats/headers.ts";
import { encodeConnect, parseOperation } from "../../../examples/nats/operation.ts";
import { readServerUrl } from "../../../examples/nats/server_url.ts";
import { bytes, text } from "../../support/bytes.ts";

test("parseOperation() reads each line of the protocol, however it is spaced", () => {
  const message = { type: "MSG", subject: "a.b", sid: 7, reply: undefined, headed: 0, size: 5 };
  const lines: readonly (readonly [string, unknown])[] = [
    ["MSG a.b 7 5", message],
    ["msg\ta.b  7 \t 5 ", message],
    ["MSG a.b 7 _INBOX.x 0", { ...message, reply: "_INBOX.x", size: 0 }],
    ["HMSG a.b 7 12 17", { ...message, headed: 12, size: 17 }],
    ["HMSG a.b 7 r 12 17", { ...message, reply: "r", headed: 12, size: 17 }],
    ["PING", { type: "PING" }],
    ["pong", { type: "PONG" }],
    ["+OK", { type: "+OK" }],
    ["-ERR 'Unknown Protocol Operation'", { type: "-ERR", message: "Unknown Protocol Operation" }],
    ["-ERR", { type: "-ERR", message: "" }],
    ['INFO {"tls_required":true,"headers":true,"max_payload":7}', {
      type: "INFO",
      info: { isTlsRequired: true, isTlsOffered: true, takesHeaders: true, maxPayload: 7 },
    }],
    ["INFO {}", {
      type: "INFO",
      info: { isTlsRequired: false, isTlsOffered: false, takesHeaders: false, maxPayload: 2 ** 20 },
    }],
  ];
  for (const [line, expected] of lines) {
    assertEquals(parseOperation(bytes(line)) as unknown, expected, line);
  }
  for (
    const line of [
      "",
      " ",
      "MSGS a 1 1",
      "MSG",
      "MSG a 1 1x",
      "MSG a x 1",
      "INFO",
      "INFO [",
      "INFO 1",
    ]
  ) {
    assertThrows(() => parseOperation(bytes(line)), NatsError, "not of the protocol");
  }
});

test("encodeConnect() asks for headers where the server has them, and leaves out what is not known", () => {
  const info = { isTlsRequired: false, isTlsOffered: false, takesHeaders: true, maxPayload: 1 };
  const line = encodeConnect({ user: "ada", password: 'p"\r\n' }, info);
  assertEquals([line.startsWith("CONNECT {"), line.endsWith("}\r\n")], [true, true]);
  assertEquals(JSON.parse(line.slice("CONNECT ".length)), {
    ...{ verbose: false, pedantic: false, lang: "asynchat", version: "0.1.0", protocol: 1 },
    ...{ echo: true, headers: true, no_responders: true, user: "ada", pass: 'p"\r\n' },
  });
});

test("parseHeaders() reads what encodeHeaders() makes, and what a server says instead of a message", () => {
  const headers = new Map([["A", ["1", "2: 3"]], ["b", [""]]]);
  const encoded = encodeHeaders(headers);
  assertEquals(text(encoded), "NATS/1.0\r\nA: 1\r\nA: 2: 3\r\nb: \r\n\r\n");
  assertEquals(parseHeaders(encoded), { status: undefined, headers });
  const said = ["NATS/1.0 503\r\n\r\n", "NATS/1.0 503 No Responders\r\n\r\n"];
  for (const each of said) {
    assertEquals(parseHeaders(bytes(each)), { status: 503, headers: new Map() });
  }
  const wrong = ["", "NATS/1.0", "NATS/1.0\r\n", "NATS/2.0\r\n\r\n", "NATS/1.0 x\r\n\r\n"];
  for (
    const each of [
      ...wrong,
      "NATS/1.0x\r\n\r\n",
      "NATS/1.0\r\na\r\n\r\n",
      "NATS/1.0\r\n: a\r\n\r\n",
    ]
  ) {
    assertThrows(() => parseHeaders(bytes(each)), NatsError, "no headers");
  }
});

test("readServerUrl() reads who one is, and where", () => {
  const plain = { hostname: "127.0.0.1", port: 4222, isTls: false };
  const urls: readonly (readonly [string, unknown])[] = [
    ["nats://127.0.0.1", plain],
    ["nats://127.0.0.1:5000/", { ...plain, port: 5000 }],
    ["tls://[::1]:5000", { hostname: "::1", port: 5000, isTls: true }],
    ["nats://ada:p%40ss@127.0.0.1", { ...plain, user: "ada", password: "p@ss" }],
    ["nats://sesame@127.0.0.1", { ...plain, token: "sesame" }],
  ];
  for (const [url, expected] of urls) assertEquals(readServerUrl(url) as unknown, expected, url);
});
