/** Holds the contests of one workload in a process of its own: `hold.ts WORKLOAD ROUNDS`. Prints a line of JSON for each result. */
import process from "node:process";
import { type Contest, hold } from "./contest.ts";

const [name, rounds] = process.argv.slice(2);
const { contests }: { contests(): Iterable<Contest> | AsyncIterable<Contest> } = await import(
  `./workloads/${name}.ts`
);
for await (const contest of contests()) {
  console.log(JSON.stringify(await hold(contest, Number(rounds))));
}
process.exit();
