/**
 * Whole servers: the examples of this repository, beside servers that many use, each in a process of its own, under load generators
 * that are no JavaScript.
 *
 * The protocol of Redis: SET and GET, one command at a time and 16, from 50 connections, beside redis-server, which is written
 * in C, and does nothing else. HTTP: one small answer, over 64 connections that are kept, beside the server that the
 * runtime has itself. It shows what a protocol written with the library costs as a program; these are examples, and no
 * one has a ratio to arrive at.
 */
import type { Contest, Contestant, Tally } from "../contest.ts";
import { CURRENT, Program } from "../../../tests/support/programs.ts";
import { commandOf } from "../commands.ts";
import { isHere } from "../external.ts";
import { type Load, redisBenchmark } from "../load/redis_benchmark.ts";
import { wrk } from "../load/wrk.ts";
import { freePort } from "../../../tests/support/free_port.ts";

const ROUNDS = 3;

const REDIS_LOADS: readonly (Load & { readonly name: string })[] = ["set", "get"].flatMap((
  test,
) => [
  { test, name: test.toUpperCase(), requests: 20_000, connections: 50, pipelined: 1 },
  {
    test,
    name: `${test.toUpperCase()}, 16 at a time`,
    requests: 80_000,
    connections: 50,
    pipelined: 16,
  },
]);

const HTTP_LOAD = { requests: 10_000, connections: 64, seconds: 2 };
const PATH = "/hello/ada";
const ANSWER = "hello, ada\n";
const OWN_SERVERS = { node: "node:http", deno: "Deno.serve()", bun: "Bun.serve()" } as const;

export async function* contests(): AsyncGenerator<Contest> {
  const redis = "command -v redis-server && command -v redis-benchmark";
  if (isHere("servers of Redis' protocol", redis)) yield* redisContests();
  if (isHere("servers of HTTP", "command -v wrk")) yield* httpContests();
}

async function* redisContests(): AsyncGenerator<Contest> {
  await using server = new Program(commandOf(CURRENT, "examples/resp_server.ts", "--port", "0"));
  const port = await freePort();
  await using redis = new Program([
    ...["redis-server", "--bind", "127.0.0.1", "--port", String(port)],
    ...["--save", "", "--appendonly", "no"],
  ]);
  await redis.line(/Ready to accept connections/);
  const ports = { "examples/resp_server.ts": await server.listening(), "redis-server": port };
  for (const { name, ...load } of REDIS_LOADS) {
    yield makeContest(`the protocol of Redis: ${name}`, load.requests, ports, async (port) => ({
      length: 0,
      measured: await redisBenchmark(port, load),
    }), { peer: "redis-server", inChart: load.test === "get" });
  }
}

async function* httpContests(): AsyncGenerator<Contest> {
  await using server = new Program(commandOf(CURRENT, "examples/http_server.ts", "--port", "0"));
  await using own = new Program(commandOf(CURRENT, "dev/bench/peers/hello_server.ts"));
  const ports = {
    "examples/http_server.ts": await server.listening(),
    [OWN_SERVERS[CURRENT]]: await own.listening(),
  };
  yield makeContest(
    `HTTP: GET ${PATH}`,
    HTTP_LOAD.requests,
    ports,
    async (port) => {
      const url = `http://127.0.0.1:${port}${PATH}`;
      const answer = await (await fetch(url)).text();
      const length = HTTP_LOAD.requests * (answer === ANSWER ? answer.length : NaN);
      return { length, measured: await wrk(url, HTTP_LOAD) };
    },
    {
      peer: "the runtime's own server",
      inChart: true,
      length: HTTP_LOAD.requests * ANSWER.length,
    },
  );
}

/** A contest of one server of ours, the first, and another. */
function makeContest(
  name: string,
  requests: number,
  ports: Readonly<Record<string, number>>,
  ask: (port: number) => Promise<Omit<Tally, "frames">>,
  { peer, inChart, length = 0 }: { peer: string; inChart: boolean; length?: number },
): Contest {
  const [ours, theirs] = Object.keys(ports) as [string, string];
  const contestants = Object.entries(ports).map(([who, port]): [string, Contestant] => [
    who,
    async () => ({ frames: requests, ...await ask(port) }),
  ]);
  return {
    name,
    tally: { frames: requests, length },
    work: { amount: requests / 1000, unit: "k" },
    rounds: ROUNDS,
    contestants: Object.fromEntries(contestants),
    figures: [{ name: `against ${peer}`, ours, against: [theirs], inChart }],
  };
}
