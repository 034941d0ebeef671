/**
 * `mod.ts` in a real browser. It is bundled and opened once, from Node: what it does there does not depend on the runtime that
 * drives it. Where there is no Chromium, these tests are skipped; with `CI` in the environment they fail.
 */
import { test } from "node:test";
import { assertEquals, assertMatch } from "@std/assert";
import { fromWebSocket } from "../../src/websocket/mod.ts";
import { Deferred } from "../../src/common/deferred.ts";
import { converse, type Heard, produce, sumOf } from "../programs/page.ts";
import { chromium, ScriptedPage, skip, title } from "../support/browser.ts";
import { bundleForBrowser } from "../support/bundle.ts";
import { concat } from "../support/bytes.ts";
import { NO_HALF_CLOSE, NO_PAUSE } from "../support/websockets.ts";

async function openPage(onSocket: Parameters<typeof ScriptedPage.open>[2]): Promise<ScriptedPage> {
  if (chromium === undefined) throw new Error("CI must have Chromium: apt-get install chromium");
  const { script } = await bundleForBrowser({ entryPoints: ["tests/programs/page.ts"] });
  return await ScriptedPage.open(chromium, script, onSocket);
}

test(
  title("a page in a browser and a server hold a conversation of frames over a WebSocket"),
  skip,
  async () => {
    const served = new Deferred<Heard>();
    await using page = await openPage((socket) => {
      converse(fromWebSocket(socket), 300_000).then(
        served.resolve,
        (error) => served.reject(error),
      );
    });
    const inPage = await page.call<Heard>("converse", page.url, 1_000_000);
    const inServer = await served.promise;
    const expected = async (count: number): Promise<Heard> => {
      const pieces: Uint8Array[] = [];
      for await (const piece of produce(count)) pieces.push(piece);
      const lines = ["one", "zwei, ü", String(count), "bye"];
      return { lines, count, sum: sumOf(concat(pieces)), closed: "undefined" };
    };
    assertEquals(inPage, await expected(300_000));
    assertEquals(inServer, await expected(1_000_000));
    assertEquals(page.errors, []);
  },
);

test(title("in a browser, connections do what connections must"), skip, async () => {
  await using page = await openPage(() => {});
  assertEquals(await page.call("checkMemory"), []);
  assertEquals(await page.call("checkStreams"), []);
  assertEquals(await page.call("checkIterables"), []);
  const skipped = Object.keys({ ...NO_HALF_CLOSE, ...NO_PAUSE });
  assertEquals(await page.call("checkWebSocket", page.url, skipped), []);
  assertEquals(page.errors, []);
});

test(
  title("in a browser, streams are cut into frames, and connect() says what is missing"),
  skip,
  async () => {
    await using page = await openPage(() => {});
    assertEquals(await page.call("frames"), ["one", "two", ""]);
    assertMatch(await page.call("connect"), /^unsupported: .*no TCP sockets/);
    assertEquals(page.errors, []);
  },
);
