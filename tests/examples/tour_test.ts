import { test } from "node:test";
import { assertEquals, assertMatch } from "@std/assert";
import { CURRENT, run } from "../support/programs.ts";

const STARTERS = {
  node: ["npm", "start", "--silent"],
  deno: ["deno", "task", "start"],
  bun: ["bun", "examples/tour.ts"],
};

test("the tour shows both sides of one conversation, and ends by itself with an identical copy", async () => {
  const { code, lines } = await run(STARTERS[CURRENT]);
  assertEquals([code, lines.at(-1)], [0, "the copy is identical"]);
  assertMatch(lines[0]!, new RegExp(`^this is ${CURRENT} \\d`));

  const message = '"TCP gives you bytes, your protocol needs"...';
  const seenBy = (side: string): string[] => lines.filter((line) => line.startsWith(`${side}  `));
  const [listening, ...server] = seenBy("server");
  assertMatch(listening!, /^server {2}listening {2}127\.0\.0\.1:\d+$/);
  assertEquals(server, [
    "server  accepted  a connection",
    'server  frame  8 bytes  "ECHO 166"',
    "server  terminator  166",
    `server  frame  166 bytes  ${message}`,
    `server  piece  128 bytes  ${message}`,
    'server  piece  38 bytes  "en for its end. It goes in two pieces."',
    "server  closed  all was sent",
  ]);
  assertMatch(seenBy("client").at(-1)!, /^client {2}frame {2}166 bytes/);
});
