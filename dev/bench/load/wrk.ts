/** wrk as a load generator for HTTP: the same for all contestants, and no JavaScript. */
import { run } from "../external.ts";

export interface WrkLoad {
  readonly requests: number;
  readonly connections: number;
  /** wrk runs for a time, and says how many requests that were. */
  readonly seconds: number;
}

/** How long the requests take at the rate that was measured, in milliseconds. */
export async function wrk(
  url: string,
  { requests, connections, seconds }: WrkLoad,
): Promise<number> {
  const printed = await run(
    "wrk",
    ...["-t", "1", "-c", String(connections), "-d", `${seconds}s`],
    ...["-s", "dev/bench/load/wrk_report.lua", url],
  );
  const [, done, microseconds, errors] = printed.match(/^report (\d+) (\d+) (\d+)$/m) ?? [];
  if (done === undefined || Number(errors) > 0) throw new Error(`wrk met errors:\n${printed}`);
  return requests * Number(microseconds) / Number(done) / 1000;
}
