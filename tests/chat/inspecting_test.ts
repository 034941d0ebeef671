/** What `console.log(chat)` shows, by each way that the runtime has to show a value. */
import process from "node:process";
import { test } from "node:test";
import { inspect } from "node:util";
import { assert, assertMatch, assertStrictEquals, assertStringIncludes } from "@std/assert";
import { anyOf, Chat, connect, type Connection, listen, memoryPair } from "../../mod.ts";
import { WrappedConnection } from "../../src/connection/wrapped_connection.ts";
import { bytes } from "../support/bytes.ts";
import { Folder } from "../support/folder.ts";
import { command, CURRENT, run } from "../support/programs.ts";

const LINES = { terminator: "\n", encoding: "utf-8" } as const;

type Show = (value: unknown) => string;

const { Bun, Deno } = globalThis as unknown as Record<"Bun" | "Deno", { inspect: Show }>;

/** The ways of the runtime that the tests run on. */
const WAYS: Readonly<Record<string, Show>> = {
  "util.inspect": (value) => inspect(value),
  ...CURRENT === "deno" ? { "Deno.inspect": (value: unknown) => Deno.inspect(value) } : {},
  ...CURRENT === "bun" ? { "Bun.inspect": (value: unknown) => Bun.inspect(value) } : {},
};

/** What is shown, on one line. */
function shown(show: Show, value: unknown): string {
  return show(value).replaceAll(/\s+/g, " ");
}

for (const [way, show] of Object.entries(WAYS)) {
  test(`${way}() of a chat shows its state, its addresses, its terminator and its stats`, async () => {
    await using listener = await listen({ port: 0, ...LINES });
    const { port } = listener.address;
    const [client, server] = await Promise.all([connect({ port, ...LINES }), listener.accept()]);
    await client.send("hello");
    await client.flush();
    const text = shown(show, client);
    assert(text.startsWith("Chat "), text);
    assertMatch(text, /state: "?'?open/);
    assertStringIncludes(text, `127.0.0.1:${port}`);
    assertStringIncludes(text, `127.0.0.1:${client.localAddress!.port}`);
    assertMatch(text, /terminator: ["']\\n["']/);
    assertMatch(text, /bytesOut: 6/);
    assertMatch(text, /framesOut: 1/);
    assertMatch(text, /buffered: 0/);
    await Promise.all([client.closeWhenDone(), server!.closeWhenDone()]);
    assertMatch(shown(show, client), /state: "?'?closed/);
  });

  test(`${way}() shows a chat in an object, an array and a map`, () => {
    const [left] = memoryPair();
    const chat = new Chat(left, LINES);
    for (const value of [{ inner: { chat } }, [chat], [[chat]], new Map([["key", chat]])]) {
      const text = shown(show, value);
      assertStringIncludes(text, "Chat {");
      assertMatch(text, /state: "?'?open/);
    }
    // Deep inside it is cut short, as other objects are: it must only not fail.
    const deep = { a: { b: { c: { d: { e: { f: { chat } } } } } } };
    assert(shown(show, deep).length > 0);
    chat.close();
  });

  test(`${way}() shows each state of a chat`, async () => {
    const make = (): [Chat<string>, Connection] => {
      const [left, right] = memoryPair();
      return [new Chat(left, LINES), right];
    };
    const states: string[] = [];
    const note = (chat: Chat<string>): void => {
      states.push(shown(show, chat).match(/state: ["']?(\w+)/)![1]!);
    };
    const [detached] = make();
    note(detached);
    detached.detach();
    note(detached);

    const [ending, peer] = make();
    ending.push("waits");
    const done = ending.closeWhenDone();
    note(ending);
    await peer.read();
    await peer.read();
    await new Promise((resolve) => setImmediate(resolve));
    note(ending);
    await peer.closeWrite();
    await done;
    note(ending);

    const [failed] = make();
    failed.close(new Error("the reason"));
    note(failed);
    assertStrictEquals(
      states.join(),
      ["open", "detached", "ending", "lingering", "closed", "closed"].join(),
    );
  });

  test(`${way}() of a chat never throws, whatever its terminator and its connection are`, async () => {
    const framing = {
      // deno-lint-ignore require-yield -- what it does does not matter
      *decode(): Generator<never, undefined, Uint8Array> {
        return undefined;
      },
      get encode(): never {
        throw new Error("nobody asked for it");
      },
      toJSON(): never {
        throw new Error("not for JSON");
      },
      circle: undefined as unknown,
    };
    framing.circle = framing;
    const terminators = ["\n", "\0", 5, 0, null, bytes("--"), anyOf("\r", "\n"), framing];
    for (const terminator of terminators) {
      const chat = new Chat<unknown>(memoryPair()[0], { terminator: terminator as "\n" });
      assertStringIncludes(shown(show, chat), "Chat ");
      assertStringIncludes(shown(show, { chat }), "Chat ");
      chat.close();
    }
    class Hostile extends WrappedConnection {
      override get remoteAddress(): never {
        throw new Error("no address");
      }
    }
    const chat = new Chat(new Hostile(memoryPair()[0]), LINES);
    assertStringIncludes(shown(show, chat), "Chat ");
    chat.close();
    // The class, and what has its prototype, are no chats.
    assert(show(Chat).length > 0);
    assert(show(Chat.prototype).length > 0);
    assert(show(Object.create(Chat.prototype)).length > 0);
    await chat.closeWhenDone();
  });
}

test("util.inspect() shows a chat as deep, and as wide, as it is asked to", () => {
  const chat = new Chat(memoryPair()[0], LINES);
  assertStrictEquals(inspect(chat, { breakLength: Infinity }).includes("\n"), false);
  assert(inspect(chat, { colors: true }).includes("\x1b["));
  chat.close();
});

const noUnix = { skip: process.platform === "win32" };

test("util.inspect() shows the path of a Unix socket", noUnix, async () => {
  using folder = new Folder();
  const path = folder.at("a.sock");
  await using listener = await listen({ path, ...LINES });
  const [client, server] = await Promise.all([connect({ path, ...LINES }), listener.accept()]);
  assertStringIncludes(inspect(client), path);
  client.close();
  server!.close();
});

test("console.log() of a chat shows it, and in an object, too", async () => {
  const { code, lines, stderr } = await run(command(CURRENT, "tests/programs/inspects.ts"));
  const all = lines.join(" ");
  assertStrictEquals(`${code} ${stderr}`, "0 ");
  assertStrictEquals(all.match(/Chat \{/g)?.length, 2, all);
  assertMatch(all, /state: ["']open["']/);
  assertMatch(all, /terminator: ["']\\n["']/);
  assertMatch(all, /a chat: .*Chat \{/);
});
