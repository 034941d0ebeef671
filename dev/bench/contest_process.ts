/**
 * Holds the contests of one workload, in a process of its own: `contest_process.ts NAME [ROUNDS]`. A line of JSON for each result.
 * With a number of rounds, it holds as many at most.
 */
import process from "node:process";
import { type Contest, hold } from "./contest.ts";

const [name, most = "Infinity"] = process.argv.slice(2);
const { contests }: { contests: () => Iterable<Contest> | AsyncIterable<Contest> } = await import(
  `./workloads/${name}.ts`
);
for await (const contest of contests()) {
  console.log(JSON.stringify(await hold(contest, Number(most))));
}
process.exit();
