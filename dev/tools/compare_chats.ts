/**
 * Plays random scripts on a chat of each of two versions of the library, and stops at the first difference. It is the net
 * under whoever rebuilds a chat: what a program can notice should stay as it is, unless that is the purpose.
 *
 *     npm run compare:chats -- OLD_DIR NEW_DIR                 a minute of random scripts
 *     npm run compare:chats -- OLD_DIR NEW_DIR --seconds 600   as long as one likes
 *     npm run compare:chats -- OLD_DIR NEW_DIR --seed 123      that one script, with all that it has led to
 *     npm run compare:chats -- OLD_DIR NEW_DIR --seed 123 --runs 1000    that one, and those that follow it
 *
 *     --ignore NAME     does not compare that: an aspect of dev/tools/compare_chats/trace.ts, or "turns"
 *     --without NAME    leaves that out of the scripts: a kind of step, an option, a terminator, "producers" ...
 *     --messages        compares what errors say, too
 *     --list            prints each seed before it is played: a version that hangs says nothing more
 *     --grain coarse    lets all be done that there is to do before each step, and not only before what comes from outside
 *     --grain fine      lets steps follow each other after a few microtasks: a finer net, for versions that take the same
 *                       number of microtasks for the same thing
 *
 * `git worktree add ../old 1a0a700` makes a directory of version 0.1. The other runtimes run it, too:
 * `deno run --allow-all --no-check dev/tools/compare_chats.ts ...`, `bun dev/tools/compare_chats.ts ...`.
 *
 * What it compares: what each call gives or rejects with (an error by its name, code, bytes, limit and cause), and in which
 * turn; `closed`; `stats` after each turn; what becomes of producers; the bytes that the connection takes, and when it is
 * told to end and to close; what is left: calls that wait for ever, timers, rejections that nothing handles, frames that
 * have changed; and whether the chat keeps to what a caller of a `Connection` guarantees.
 *
 * What it does not compare: how writes are cut; how often the connection is read; the order of what happens within a turn;
 * what depends on the clock (work that goes on and on, and leaves others a turn), on the watching of the library's own
 * connections, on async contexts, or on real transports; `upgrade()`, `connect()`, `listen()` and adapters.
 *
 * Where a version may differ, and is not wrong: how it cuts writes decides what is under way when they are discarded or fail
 * (`--grain coarse --ignore underway --without discardBuffers`); a chat that reads ahead has received more (`--ignore bytesIn
 * --ignore buffered --ignore unread --without stats`); one that asks producers ahead asks earlier, and so releases fewer
 * (`--ignore pulls --ignore releases`); of two timeouts that end in the same millisecond either may come first (`--without
 * idleTimeout`).
 *
 * A turn of a script ends when nothing happens any more, so the number of microtasks, or of turns of the event loop, that a
 * version takes for something makes no difference. Time is that of the script: timers fire when it says that time passes.
 */
import process from "node:process";
import { parseArgs } from "node:util";
import { Coverage } from "./compare_chats/coverage.ts";
import { compare, type TurnLines } from "./compare_chats/difference.ts";
import { loadLibrary } from "./compare_chats/library.ts";
import { play, watchUnhandled } from "./compare_chats/player.ts";
import { printScript } from "./compare_chats/report.ts";
import { GRAINS, type Script } from "./compare_chats/script.ts";
import { checkNames, makeScript } from "./compare_chats/script_maker.ts";
import { shrink } from "./compare_chats/shrink.ts";
import { ASPECTS } from "./compare_chats/trace.ts";
import { VirtualTime } from "./compare_chats/virtual_time.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seed: { type: "string" },
    seconds: { type: "string" },
    runs: { type: "string" },
    ignore: { type: "string", multiple: true, default: [] },
    without: { type: "string", multiple: true, default: [] },
    messages: { type: "boolean", default: false },
    list: { type: "boolean", default: false },
    grain: { type: "string", default: "medium" },
  },
});
const [oldDirectory, newDirectory] = positionals;
if (oldDirectory === undefined || newDirectory === undefined || positionals.length > 2) {
  throw new TypeError("give two directories: that of the old version and that of the new one");
}
const [seed, seconds, runs] = (["seed", "seconds", "runs"] as const).map((name) => {
  const value = values[name];
  if (value === undefined || /^\d+$/.test(value)) return value && Number(value);
  throw new TypeError(`--${name} must be a whole number, not ${JSON.stringify(value)}`);
}) as (number | undefined)[];
const ignored: ReadonlySet<string> = new Set(values.ignore);
for (const name of ignored) {
  const names = [...ASPECTS, "turns"];
  if (!names.includes(name)) {
    throw new TypeError(`--ignore takes ${names.join(", ")}, not ${JSON.stringify(name)}`);
  }
}
const without: ReadonlySet<string> = new Set(values.without);
checkNames(without);
const withMessages = values.messages;
const grain = GRAINS.find((name) => name === values.grain);
if (grain === undefined) {
  throw new TypeError(`--grain must be ${GRAINS.join(", ")}, not ${JSON.stringify(values.grain)}`);
}

const clock = performance.now.bind(performance);
const firstSeed = seed ?? Math.floor(Math.random() * 1e9);
const old = await loadLibrary(oldDirectory);
const other = await loadLibrary(newDirectory);
const time = new VirtualTime();
time.install();
watchUnhandled();
const coverage = new Coverage();

/** Plays the script on both versions, and tells what it has led to, turn by turn. */
async function playBoth(script: Script, counts?: Coverage): Promise<TurnLines[]> {
  const before = await play(script, { library: old, time, withMessages });
  const after = await play(script, { library: other, time, withMessages, coverage: counts });
  return compare(before, after, ignored);
}

const differs = (turns: readonly TurnLines[]): boolean => turns.some(({ isSame }) => !isSame);

/** The command that plays the script of that seed again, on this runtime. */
function commandFor(seed: number): string {
  const runtime = "Deno" in globalThis
    ? "deno run --allow-all --no-check"
    : "Bun" in globalThis
    ? "bun"
    : "node --import tsx";
  const flags = [
    ...values.ignore.map((name) => `--ignore ${JSON.stringify(name)}`),
    ...values.without.map((name) => `--without ${JSON.stringify(name)}`),
    ...(withMessages ? ["--messages"] : []),
    ...(grain === "medium" ? [] : [`--grain ${grain}`]),
  ];
  return [runtime, "dev/tools/compare_chats.ts", ...positionals, "--seed", seed, ...flags].join(
    " ",
  );
}

async function report(seed: number, script: Script): Promise<void> {
  const [once, again] = [
    await play(script, { library: old, time, withMessages }),
    await play(script, { library: old, time, withMessages }),
  ];
  if (differs(compare(once, again, ignored))) {
    console.log(
      "The old version differs from itself: the script is not played the same way twice.",
    );
  }
  const shortest = await shrink(script, async (script) => differs(await playBoth(script)));
  console.log(`DIFFERENT: seed ${seed}, ${script.steps.length} steps, of which these show it:\n`);
  console.log(printScript(shortest, await playBoth(shortest)));
  console.log(`\nReplay it: ${commandFor(seed)}`);
}

const isReplay = seed !== undefined && seconds === undefined && runs === undefined;
const mostRuns = isReplay ? 1 : runs ?? Infinity;
const end = clock() + (seconds ?? (runs === undefined ? 60 : Infinity)) * 1000;
let done = 0;
let steps = 0;
for (let reported = clock(); done < mostRuns && clock() < end; done++) {
  const script = makeScript(firstSeed + done, without, grain);
  if (values.list) console.log(`seed ${firstSeed + done}`);
  const turns = await playBoth(script, coverage);
  if (isReplay) console.log(printScript(script, turns), "\n");
  steps += script.steps.length;
  if (differs(turns)) {
    await report(firstSeed + done, script);
    process.exitCode = 1;
    done++;
    break;
  }
  if (clock() - reported > 10_000) {
    reported = clock();
    console.log(`${done + 1} scripts, the last of seed ${firstSeed + done}`);
  }
}
if (!isReplay) {
  console.log(`\n${coverage}`);
  const verdict = process.exitCode === 1 ? "the last one differs" : "no difference";
  console.log(`\n${done} scripts from seed ${firstSeed} on, ${steps} steps: ${verdict}`);
}
