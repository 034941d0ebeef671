/** Holds the contests of one workload, in a process of its own: `contest_process.ts NAME`. A line of JSON for each result. */
import process from "node:process";
import { type Contest, hold } from "./contest.ts";

const { contests }: { contests: () => Iterable<Contest> | AsyncIterable<Contest> } = await import(
  `./workloads/${process.argv[2]}.ts`
);
for await (const contest of contests()) console.log(JSON.stringify(await hold(contest)));
process.exit();
