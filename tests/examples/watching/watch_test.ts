/** What an operator sees of a server: lines, and numbers. */
import { test } from "node:test";
import { assertEquals, assertMatch, assertStrictEquals } from "@std/assert";
import { serveMetrics } from "../../../examples/watching/serve_metrics.ts";
import { Watch } from "../../../examples/watching/watch.ts";
import { BackpressureError, Chat, memoryPair, type Server } from "../../../mod.ts";
import { shellOutput } from "../../support/shell.ts";
import { named, needs } from "../../support/peers.ts";

/** What `memoryPair()` holds for who does not read. */
const FULL = 64 * 1024;
const TEXT = { terminator: "\n", encoding: "utf-8" } as const;

/** The numbers that a registry shows, by their names. */
async function numbersOf({ registry }: Watch): Promise<Record<string, number>> {
  const lines = (await registry.metrics()).split("\n").filter((line) => /^\w+ /.test(line));
  return Object.fromEntries(lines.map((line) => line.split(" ")).map(([k, v]) => [k, Number(v)]));
}

test("Watch says when a chat begins and ends, and shows its frames if it is to trace", async () => {
  for (const trace of [false, true]) {
    const lines: string[] = [];
    const watch = new Watch({ trace, log: (line) => lines.push(line) });
    const [left, right] = memoryPair();
    const chat = new Chat(left, TEXT);
    watch.begin(chat, "ada");
    await right.write(new TextEncoder().encode("hello\n"));
    watch.received(chat, (await chat.read())!);
    watch.sent(chat, "ada: hello\n");
    chat.push("ada: hello\n");
    await chat.flush();
    chat.close();
    await chat.closed;
    const frames = ['ada  received  5 bytes  "hello"', 'ada  sent  11 bytes  "ada: hello\\n"'];
    assertEquals(lines, ["ada  begins", ...trace ? frames : [], "ada  ends: in order"]);
    right.close();
  }
});

test("Watch counts what passes through chats, also those that have ended, and why they have", async () => {
  const lines: string[] = [];
  const watch = new Watch({ log: (line) => lines.push(line) });
  const [left, right] = memoryPair();
  const chat = new Chat(left, TEXT);
  watch.begin(chat);
  await right.write(new TextEncoder().encode("one\ntwo\n"));
  await chat.read();
  await chat.read();
  watch.sent(chat, "three\n");
  chat.push("three\n");
  await right.read();
  await chat.flush();

  const [slow, reader] = memoryPair();
  const deaf = new Chat(slow, { ...TEXT, maxQueuedBytes: 1 });
  watch.begin(deaf, "deaf");
  deaf.push("x".repeat(FULL));
  const passed = { received_bytes_total: 8, sent_bytes_total: 6, received_frames_total: 2 };
  assertEquals(await numbersOf(watch), {
    ...passed,
    connections_open: 2,
    connections_total: 2,
    queued_bytes: FULL,
    sent_frames_total: 1,
    slow_readers_cut_total: 0,
  });

  deaf.push("y");
  const error = await deaf.closed;
  assertStrictEquals(error instanceof BackpressureError, true);
  chat.close();
  await chat.closed;
  assertEquals(await numbersOf(watch), {
    ...passed,
    connections_open: 0,
    connections_total: 2,
    queued_bytes: 0,
    sent_frames_total: 1,
    slow_readers_cut_total: 1,
  });
  assertEquals(lines, [
    "somebody  begins",
    "deaf  begins",
    `deaf  ends: ${error!.message}`,
    "somebody  ends: in order",
  ]);
  right.close();
  reader.close();
});

async function withMetrics(work: (url: string) => Promise<void>): Promise<void> {
  const watch = new Watch({ log: () => {} });
  const server: Server = await serveMetrics({ hostname: "127.0.0.1", port: 0 }, watch.registry);
  await work(`http://127.0.0.1:${server.address.port}`);
  await server.shutdown({ grace: 0 });
}

test("serveMetrics() answers GET /metrics as Prometheus wants it, and nothing else", () =>
  withMetrics(async (url) => {
    const answer = await fetch(`${url}/metrics`);
    assertStrictEquals(answer.status, 200);
    assertMatch(answer.headers.get("content-type")!, /^text\/plain; version=0\.0\.4/);
    assertMatch(await answer.text(), /^# TYPE connections_open gauge\nconnections_open 0$/m);
    for (const [path, method, status] of [["/", "GET", 404], ["/metrics", "POST", 405]] as const) {
      const refused = await fetch(url + path, { method });
      assertStrictEquals(refused.status, status);
      await refused.text();
    }
  }));

const curl = needs("curl");
test(named("serveMetrics() is read by curl", curl), curl, () =>
  withMetrics(async (url) => {
    assertMatch(await shellOutput(`curl --silent --show-error --fail ${url}/metrics`), /_total 0/);
  }));
