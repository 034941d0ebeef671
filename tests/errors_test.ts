/**
 * An error's message says what happened, and can be shown to anybody: what the programmer can do about it, with this library
 * and its options, is the error's hint.
 */
import { test } from "node:test";
import { inspect } from "node:util";
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import {
  Chat,
  ChatError,
  ClosedError,
  connect,
  Framer,
  type Framing,
  lengthPrefixed,
  listen,
  memoryPair,
} from "../mod.ts";
import { Authority } from "./support/certificates.ts";

const LINES = { terminator: "\n" };

/** A framing that cannot encode. */
const READ_ONLY: Framing = {
  *decode() {
    return yield "\n";
  },
};

function nextOf(data: string | Uint8Array, options: object): unknown {
  const framer = new Framer({ ...LINES, ...options } as typeof LINES);
  framer.push(data);
  framer.end();
  return framer.next();
}

function chat(options: object = {}): Chat {
  return new Chat(memoryPair()[0], { ...LINES, ...options } as typeof LINES);
}

/** What goes wrong, the class of the error, and what its hint speaks of. */
const FAILURES: readonly (readonly [what: string, name: string, hint: RegExp, () => unknown])[] = [
  ["a frame is too long", "FrameTooLongError", /stream\(\)/, () => {
    return nextOf("long\n", { maxFrameLength: 1 });
  }],
  ["the stream ends within a frame", "IncompleteFrameError", /incomplete/, () => {
    return nextOf("half", {});
  }],
  ["a frame is no text", "MalformedFrameError", /fatal/, () => {
    return nextOf(Uint8Array.of(0xff, 10), { encoding: "utf-8", fatal: true });
  }],
  ["nothing comes in time", "TimeoutError", /next read/, () => chat().read({ timeout: 0 })],
  ["a payload has the delimiter in it", "FrameInjectionError", /escape it/, () => {
    return chat().send("a\nb");
  }],
  ["a payload is of another length", "FrameInjectionError", /push\(\)/, () => {
    return chat({ terminator: 3 }).send("four");
  }],
  ["a payload does not fit its length", "FrameInjectionError", /prefix/, () => {
    return chat({ terminator: lengthPrefixed({ bytes: 1 }) }).send("x".repeat(256));
  }],
  ["a framing cannot encode", "UnsupportedError", /push\(\)/, () => {
    return chat({ terminator: READ_ONLY }).send("x");
  }],
  ["too much waits to be sent", "BackpressureError", /await push\(\)/, async () => {
    const full = chat({ maxQueuedBytes: 1 });
    full.push("too");
    await full.push("much");
  }],
  ["a chat is detached before all is sent", "ChatError", /flush\(\)/, () => {
    const unsent = chat();
    unsent.push("x");
    unsent.detach();
  }],
  ["an address is taken", "ConnectionError", /choose another/, async () => {
    await using listener = await listen({ port: 0, ...LINES });
    await listen({ port: listener.address.port, ...LINES });
  }],
  ["a certificate is not trusted", "ConnectionError", /tls\.ca/, async () => {
    const tls = new Authority().sign("DNS:localhost");
    await using listener = await listen({ port: 0, tls, ...LINES });
    await connect({ hostname: "localhost", port: listener.address.port, tls: true, ...LINES });
  }],
];

async function errorOf(fail: () => unknown): Promise<unknown> {
  try {
    await fail();
  } catch (error) {
    return error;
  }
  return undefined;
}

for (const [what, name, expected, fail] of FAILURES) {
  test(`the hint of a ${name} says what to do when ${what}, and its message does not`, async () => {
    const error = await errorOf(fail);
    assert(error instanceof ChatError);
    assertEquals(error.name, name);
    assertMatch(error.hint ?? "", expected);
    assert(!expected.test(error.message), error.message);
    assertStringIncludes(inspect(error), error.hint!);
  });
}

test("an error without a hint shows none", async () => {
  const closed = chat();
  closed.close();
  const error = await errorOf(() => closed.push("x"));
  assert(error instanceof ClosedError);
  assertEquals(error.hint, undefined);
  assert(!("hint" in error));
});
