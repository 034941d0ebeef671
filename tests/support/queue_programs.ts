/** Runs the programs of the queue. */
import { assert, assertEquals } from "@std/assert";
import { QueueClient } from "../../examples/queue/client.ts";
import { text } from "./bytes.ts";
import { command, CURRENT, Program } from "./programs.ts";

export type ProgramName = "server" | "worker" | "client";

export function program(name: ProgramName, ...args: string[]): string[] {
  return command(CURRENT, `examples/queue_${name}.ts`, ...args);
}

export interface Running {
  readonly server: Program;
  readonly port: number;
  /** The value of a number of `/metrics`. */
  number(name: string): Promise<number>;
}

/** Runs a server, with `/metrics`. */
export async function withServer(
  work: (running: Running) => Promise<void>,
  ...args: string[]
): Promise<void> {
  await using server = new Program(program("server", "--port", "0", "--metrics", "0", ...args));
  const [, metrics] = await server.line(/^metrics on (http:.+)$/);
  const port = await server.listening();
  await work({
    server,
    port,
    async number(name) {
      const shown = await (await fetch(metrics!)).text();
      const [, value] = shown.match(new RegExp(`^${name} (\\S+)$`, "m")) ?? [];
      assert(value !== undefined, shown);
      return Number(value);
    },
  });
}

/** Sends so many jobs, and sees to it that each has its result. */
export async function doAll(
  port: number,
  count: number,
  onResult: (results: number) => void = () => {},
): Promise<void> {
  const client = await QueueClient.connect({ port, maxInFlight: 5_000 });
  const wrong: string[] = [];
  let results = 0;
  const outcomes: Promise<void>[] = [];
  for (let i = 0; i < count; i++) {
    const { outcome } = await client.submit("upper", `job ${i}`);
    outcomes.push(outcome.then(({ isDone, data }) => {
      if (!isDone || text(data) !== `JOB ${i}`) wrong.push(`${i}: ${text(data)}`);
      onResult(++results);
    }));
  }
  await Promise.all(outcomes);
  await client.close();
  assertEquals([results, wrong], [count, []]);
}
