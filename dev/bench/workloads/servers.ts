/**
 * Two examples of this repository as whole servers, each in a process of its own, beside the servers that many use: HTTP, one small
 * answer over 50 connections that are kept, beside the runtime's own server; the protocol of Redis beside redis-server, which
 * is written in C.
 */
import { freePort } from "../../../tests/support/free_port.ts";
import { CURRENT, Program } from "../../../tests/support/programs.ts";
import type { Contest } from "../contest.ts";
import { areHere, redisBenchmark, run, start } from "../programs.ts";

const PATH = "/hello/ada";
const ANSWER = "hello, ada\n";
const OWN_SERVER = { node: "node:http", deno: "Deno.serve()", bun: "Bun.serve()" }[CURRENT];
const OF_OWN_SERVER = { node: 0.8, deno: 0.5, bun: 0.4 }[CURRENT];

export async function* contests(): AsyncGenerator<Contest> {
  if (areHere("servers of HTTP", "wrk")) yield* http();
  if (areHere("servers of Redis' protocol", "redis-server", "redis-benchmark")) yield* redis();
}

async function* http(): AsyncGenerator<Contest> {
  await using server = start("examples/http_server.ts", "--port", "0");
  await using own = start("dev/bench/programs/hello_server.ts");
  const ports = [await server.listening(), await own.listening()] as const;
  yield {
    name: `HTTP, GET ${PATH}`,
    unit: "µs a request",
    contestants: {
      "examples/http_server.ts": () => wrk(ports[0]),
      [OWN_SERVER]: () => wrk(ports[1]),
    },
    figures: [
      {
        name: "HTTP, against the runtime's own server",
        ours: "examples/http_server.ts",
        against: [OWN_SERVER],
        atLeast: OF_OWN_SERVER,
        chart: { row: "HTTP example: node:http, Deno.serve, Bun.serve" },
      },
    ],
  };
}

/** How long a request takes under load, in microseconds. */
async function wrk(port: number): Promise<number> {
  const url = `http://127.0.0.1:${port}${PATH}`;
  const answer = await (await fetch(url)).text();
  if (answer !== ANSWER) throw new Error(`the answer is ${JSON.stringify(answer)}`);
  const printed = await run(
    "wrk",
    ...["-t", "1", "-c", "50", "-d", "2s", "-s", "dev/bench/peers/wrk_report.lua", url],
  );
  const [, done, microseconds, errors] = printed.match(/^report (\d+) (\d+) (\d+)$/m) ?? [];
  if (done === undefined || Number(errors) > 0) throw new Error(`wrk met errors:\n${printed}`);
  return Number(microseconds) / Number(done);
}

async function* redis(): AsyncGenerator<Contest> {
  await using server = start("examples/resp_server.ts", "--port", "0");
  const redisPort = await freePort();
  await using redis = new Program([
    ...["redis-server", "--bind", "127.0.0.1", "--port", String(redisPort)],
    ...["--save", "", "--appendonly", "no"],
  ]);
  await redis.line(/Ready to accept connections/);
  const port = await server.listening();
  const load = { requests: 100_000, connections: 50, pipelined: 16 };
  for (const test of ["get", "set"] as const) {
    yield {
      name: `the protocol of Redis, ${test.toUpperCase()}, 16 at a time`,
      contestants: {
        "examples/resp_server.ts": () => redisBenchmark(port, test, load),
        "redis-server": () => redisBenchmark(redisPort, test, load),
      },
      figures: [
        {
          name: `the protocol of Redis, ${test.toUpperCase()}, against redis-server`,
          ours: "examples/resp_server.ts",
          against: ["redis-server"],
          atLeast: 0.5,
        },
      ],
    };
  }
}
