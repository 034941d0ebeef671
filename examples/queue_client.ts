/**
 * Sends jobs to a queue server, and prints the results as they come. See "Messages and queues" in the README beside this.
 *
 *     npx tsx examples/queue_client.ts --port 7000 --kind upper hello
 *     npx deno run --allow-net examples/queue_client.ts --port 7000 --kind upper hello
 *     npx bun examples/queue_client.ts --port 7000 --kind upper hello
 *
 * Without words, each line of the input is a job: `seq 1 100000 | npx tsx examples/queue_client.ts --kind sha256`
 */
import process from "node:process";
import { Chat, lines } from "../mod.ts";
import { fromStdio } from "../src/process/mod.ts";
import { readArguments, runProgram, toNumber, toPort } from "./command_line.ts";
import { QueueClient } from "./queue/client.ts";
import { LONGEST_BODY, type Outcome } from "./queue/job.ts";

const USAGE = `usage: queue_client [--hostname HOST] [--port PORT] [--kind KIND] [WORDS ...]

  --hostname HOST    where the server is (127.0.0.1)
  --port PORT        (7000)
  --kind KIND        upper, reverse, sha256, sleep, fail (upper)
  --in-flight N      how many are under way at a time (500)
  WORDS              each is a job; without them, each line of the input is`;

await runProgram(async () => {
  const { options, words } = readArguments(USAGE, {
    hostname: "127.0.0.1",
    port: "7000",
    kind: "upper",
    "in-flight": "500",
  });
  await using client = await QueueClient.connect({
    hostname: options.hostname,
    port: toPort(options.port),
    maxInFlight: toNumber("in-flight", options["in-flight"]),
  });
  const text = new TextDecoder();
  const counts = { done: 0, failed: 0 };
  const print = (number: number, { isDone, data }: Outcome): void => {
    const what = isDone ? "done" : "failed";
    counts[what]++;
    console.log(`${number}  ${what}  ${text.decode(data)}`);
  };
  const outcomes: Set<Promise<void>> = new Set();
  let number = 0;
  for await (const body of words.length > 0 ? words : inputLines()) {
    const mine = ++number;
    const { outcome } = await client.submit(options.kind, body);
    const printed = outcome.then((each) => {
      outcomes.delete(printed);
      print(mine, each);
    });
    printed.catch(() => {}); // it stays among those that are waited for in the end
    outcomes.add(printed);
  }
  await Promise.all(outcomes);
  console.log(`${counts.done} done, ${counts.failed} failed`);
  if (counts.failed > 0) process.exitCode = 1;
});

function inputLines(): AsyncIterable<string> {
  return new Chat(fromStdio(), {
    terminator: lines(),
    encoding: "utf-8",
    incomplete: "yield",
    maxFrameLength: LONGEST_BODY,
  });
}
