/** Runs one job, a file of tests on a runtime or a check of the sources, in a process of its own, and says how it went. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { ENV } from "../../../tests/support/programs.ts";
import { EVENTS, readEvents, type TestEvent, WANTED } from "./events.ts";

export interface Job {
  /** A runtime, or `"check"`. */
  readonly lane: string;
  /** The file, or the command of a check. */
  readonly name: string;
  readonly command: Command;
}

/** What a job runs under. */
export interface Conditions {
  /** The pattern of the tests that are wanted; empty: all. */
  readonly wanted: string;
  /** How many times as long everything takes as on an idle machine. */
  readonly slowness: number;
  /** How long the job may take, in milliseconds. */
  readonly limit: number;
}

/** Makes the words of a command. */
export type Command = (conditions: Conditions) => readonly string[];

export interface TestResult {
  readonly name: string;
  readonly outcome: "passed" | "failed" | "skipped";
  readonly time: number;
}

export interface Result {
  readonly job: Job;
  readonly tests: readonly TestResult[];
  /** What is wrong with the whole, beside a test that failed. */
  readonly problem: string | undefined;
  /** What a person needs to see of a failure. */
  readonly output: string;
  /** In milliseconds. */
  readonly time: number;
}

/** The process groups that run: they end with this process. */
const groups: Set<number> = new Set();

/** Ends a process, and all that it has started. */
function endGroup(pid: number): void {
  try {
    process.kill(-pid, "SIGKILL");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** Ends all jobs that run: each gives the result of what it has done until now. */
export function endAll(): void {
  groups.forEach(endGroup);
}

process.on("exit", endAll);

/** Runs a job to its end, or to the limit. */
export async function run(job: Job, conditions: Conditions): Promise<Result> {
  const { wanted, slowness, limit } = conditions;
  const folder = mkdtempSync(join(tmpdir(), "asynchat-"));
  const events = join(folder, "events.jsonl");
  const [program, ...args] = job.command(conditions);
  const start = performance.now();
  const child = spawn(program!, args, {
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
    env: {
      ...ENV,
      TEST_SLOWNESS: String(slowness),
      [WANTED]: wanted,
      [EVENTS]: events,
    },
  });
  const pid = child.pid;
  if (pid !== undefined) groups.add(pid);
  const chunks: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) {
    stream.on("data", (chunk: Buffer) => chunks.push(chunk));
  }
  let isCutOff = false;
  const timer = setTimeout(() => {
    isCutOff = true;
    endGroup(pid!);
  }, limit);
  const ended = await new Promise<string>((resolve) => {
    child.on("error", (error) => resolve(`could not be started: ${error.message}`));
    child.on("exit", () => endGroup(pid!)); // what it has left behind holds its output open
    child.on("close", (code, signal) => resolve(code === 0 ? "" : `ended with ${signal ?? code}`));
  });
  clearTimeout(timer);
  if (pid !== undefined) groups.delete(pid);
  const found = readEvents(events);
  rmSync(folder, { recursive: true });
  const tests = resultsOf(found);
  const unfinished = isCutOff ? `cut off after ${Math.round(limit / 1000)} s` : ended;
  return {
    job,
    tests,
    problem: problemOf(job, tests, unfinished, runningIn(found), wanted),
    output: [Buffer.concat(chunks).toString().trim(), ...detailsOf(found)].join("\n"),
    time: performance.now() - start,
  };
}

function resultsOf(events: readonly TestEvent[]): TestResult[] {
  return events.flatMap((event) =>
    "time" in event ? [{ name: event.name, outcome: event.type, time: event.time }] : []
  );
}

/** The tests that had begun and not ended. */
function runningIn(events: readonly TestEvent[]): string[] {
  const running: Set<string> = new Set();
  for (const event of events) {
    if (event.type === "begin") running.add(event.name);
    else if (event.type !== "note") running.delete(event.name);
  }
  return [...running];
}

function detailsOf(events: readonly TestEvent[]): string[] {
  return events.flatMap((event) => {
    if (event.type === "note") return [event.text];
    if (event.type !== "failed" || event.detail === undefined) return [];
    return [`${event.name}\n${event.detail}`];
  });
}

function problemOf(
  { lane }: Job,
  tests: readonly TestResult[],
  ended: string,
  running: readonly string[],
  wanted: string,
): string | undefined {
  const failed = tests.filter(({ outcome }) => outcome === "failed").length;
  if (ended !== "" && running.length > 0) return `${ended} in ${JSON.stringify(running[0])}`;
  if (ended !== "") return failed > 0 ? undefined : ended;
  if (failed > 0) return undefined;
  if (running.length > 0) return `ended before ${JSON.stringify(running[0])} had`;
  if (lane !== "check" && tests.length === 0 && wanted === "") return "no test was run";
  return undefined;
}
