/** The lines that the server sends, as the page reads them: one is the other's inverse. */
import { test } from "node:test";
import { assertEquals } from "@std/assert";
import type { Said } from "../../../examples/chat/event.ts";
import { notice, refusal, showEvent, showPast } from "../../../examples/chat/line.ts";
import { type PageLine, parseLine } from "../../../examples/chat/page_line.ts";

const SAID: Said = {
  type: "said",
  server: "a",
  number: 1,
  time: 0,
  nick: "Zoë",
  words: "a: b (c) * !",
};

test("parseLine() reads each line that a server sends", () => {
  const { nick, words } = SAID;
  const lines: readonly (readonly [string, PageLine])[] = [
    [showEvent(SAID, "tea"), { type: "said", nick, words }],
    [showPast(SAID), { type: "said", nick, words, time: new Date(0) }],
    ["(ada) psst (x)\n", { type: "whispered", nick: "ada", words: "psst (x)" }],
    ["(to ada) psst\n", { type: "whisper", to: "ada", words: "psst" }],
    [refusal("ada is taken"), { type: "refused", text: "ada is taken" }],
    [notice("your name?"), { type: "notice", text: "your name?" }],
    [notice("welcome, ada: /help tells"), {
      type: "welcome",
      nick: "ada",
      text: "welcome, ada: /help tells",
    }],
    [notice("you are in tea"), { type: "entered", room: "tea" }],
    [notice("in tea there are 2: ada, bob"), {
      type: "members",
      room: "tea",
      names: ["ada", "bob"],
    }],
    [notice("in tea there is nobody"), { type: "members", room: "tea", names: [] }],
    [notice("rooms: tea (2), lobby (1)"), {
      type: "rooms",
      rooms: new Map([["tea", 2], ["lobby", 1]]),
    }],
    [notice("rooms: "), { type: "rooms", rooms: new Map() }],
    [showEvent({ type: "joins", nick }, "tea"), { type: "moved", text: "Zoë joins tea" }],
    [showEvent({ type: "leaves", nick, why: "x" }, "tea"), {
      type: "moved",
      text: "Zoë leaves tea: x",
    }],
    [showEvent({ type: "renames", nick, to: "b" }, "tea"), {
      ...{ type: "renamed", nick, to: "b", text: "Zoë is called b now" },
    }],
    ["something else\n", { type: "notice", text: "something else" }],
    ["\n", { type: "notice", text: "" }],
  ];
  for (const [line, expected] of lines) assertEquals(parseLine(line.slice(0, -1)), expected, line);
});
