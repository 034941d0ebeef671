/**
 * Counts work, so that a test can say how it grows and time does not matter: the bytes that the runtime's own functions look at
 * or copy, and the blocks of the library's code that are run, as the engine counts them for the coverage of tests.
 */
import { Buffer } from "node:buffer";
import { Session } from "node:inspector";
import { promisify } from "node:util";

export interface Work {
  /** How many bytes were copied by the runtime's own functions. */
  readonly copied: number;
  /** How many they looked at, decoded or copied, and how many blocks of code were run. */
  readonly done: number;
}

interface Coverage {
  readonly result: readonly {
    readonly url: string;
    readonly functions: readonly { readonly ranges: readonly { readonly count: number }[] }[];
  }[];
}

type Method = (...args: unknown[]) => unknown;

/** The functions that are counted, and how many bytes each call looks at; those that are true copy them. */
const COUNTED: readonly [of: object, name: string, copies: boolean, cost: Cost][] = [
  ...[Uint8Array.prototype, Buffer.prototype].flatMap((of): typeof COUNTED => [
    [
      of,
      "indexOf",
      false,
      (bytes, [, from = 0], at) => lookedAt(bytes, from as number, at as number),
    ],
    [of, "set", true, (_, [source]) => (source as Uint8Array).length],
    [of, "slice", true, (_, __, copy) => (copy as Uint8Array).length],
  ]),
  [
    String.prototype,
    "indexOf",
    false,
    (text, [, from = 0], at) => lookedAt(text, from as number, at as number),
  ],
  [TextDecoder.prototype, "decode", false, (_, [bytes]) => (bytes as Uint8Array)?.length ?? 0],
  [Map.prototype, "get", false, () => 1],
];

type Cost = (self: Uint8Array, args: unknown[], result: unknown) => number;

function lookedAt({ length }: Uint8Array, from: number, at: number): number {
  return (at < 0 ? length : at + 1) - from;
}

const session = new Session();
const post = promisify(
  session.post.bind(session) as (
    method: string,
    options: object,
    done: (error: Error | null, result: Coverage) => void,
  ) => void,
);

/** Begins to count blocks. What is imported before that is not counted as a whole. */
export async function beginToCount(): Promise<void> {
  session.connect();
  await post("Profiler.enable", {});
  await post("Profiler.startPreciseCoverage", { callCount: true, detailed: true });
}

/** What the work takes. */
export async function workOf(work: () => void): Promise<Work> {
  let [copied, done] = [0, 0];
  const originals = COUNTED.map(([of, name, copies, cost]) => {
    const original = Reflect.get(of, name) as Method;
    const counting = function (this: Uint8Array, ...args: unknown[]): unknown {
      let result: unknown;
      try {
        return result = original.apply(this, args);
      } finally {
        const count = cost(this, args, result);
        done += count;
        if (copies) copied += count;
      }
    };
    Reflect.set(of, name, counting);
    return [of, name, original] as const;
  });
  await countBlocks();
  try {
    work();
  } finally {
    for (const [of, name, original] of originals) Reflect.set(of, name, original);
  }
  return { copied, done: done + await countBlocks() };
}

/** How many blocks of the library were run since this was called before. */
async function countBlocks(): Promise<number> {
  const { result } = await post("Profiler.takePreciseCoverage", {});
  return result.filter(({ url }) => url.includes("/src/"))
    .flatMap(({ functions }) => functions.flatMap(({ ranges }) => ranges))
    .reduce((sum, { count }) => sum + count, 0);
}
