/** redis-benchmark as a load generator: the same for all contestants, and no JavaScript. */
import { run } from "../external.ts";

export interface Load {
  /** What is asked: `"ping_inline"`, `"set"`, `"get"`, as `-t` takes it. */
  readonly test: string;
  readonly requests: number;
  readonly connections: number;
  /** How many requests each connection sends before it waits for the answers. */
  readonly pipelined: number;
}

/** How long the requests took, in milliseconds, by its own clock: its start and its end are none of them. */
export async function redisBenchmark(
  port: number,
  { test, requests, connections, pipelined }: Load,
): Promise<number> {
  const printed = await run(
    "redis-benchmark",
    ...["-h", "127.0.0.1", "-p", String(port), "-t", test, "-n", String(requests)],
    ...["-c", String(connections), "-P", String(pipelined), "--csv"],
  );
  const [, rate] = printed.match(/^"[A-Z_]+","([\d.]+)"/m) ?? [];
  if (rate === undefined) throw new Error(`redis-benchmark gave no rate, but:\n${printed}`);
  return requests / Number(rate) * 1000;
}
