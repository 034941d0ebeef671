/**
 * How large this library is in a page or a bundle, with all that it loads: one file, minified by esbuild, and gzipped.
 */
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import type { Contest, Contestant } from "../contest.ts";
import type { Figure } from "../figures.ts";

const KIB = 1024;
/** There is nothing to count: what does not compile is an error. */
const TALLY = { frames: 1, length: 0 };

/** What is loaded, what must be in it, and how large it may be, in KiB. */
const ENTRIES: readonly { name: string; code: string; atMost?: number }[] = [
  { name: "mod.ts", code: 'export * from "./mod.ts";', atMost: 12 },
  { name: "Framer alone", code: 'export { Framer } from "./mod.ts";', atMost: 4 },
  { name: "Chat alone", code: 'export { Chat } from "./mod.ts";' },
];

/** In KiB. */
async function sizeOf(code: string): Promise<number> {
  const { outputFiles } = await build({
    stdin: { contents: code, resolveDir: ".", loader: "ts" },
    write: false,
    bundle: true,
    minify: true,
    format: "esm",
    platform: "neutral",
    target: "es2023",
    logLevel: "warning",
  });
  return gzipSync(outputFiles[0]!.contents, { level: 9 }).length / KIB;
}

export function* contests(): Generator<Contest> {
  const contestants: Record<string, Contestant> = {};
  const figures: Figure[] = [];
  for (const { name, code, atMost } of ENTRIES) {
    contestants[name] = async () => ({ ...TALLY, measured: await sizeOf(code) });
    figures.push({
      name,
      ours: name,
      against: [],
      as: "value",
      isExact: true,
      ...atMost === undefined ? {} : { atMost, inChart: true },
    });
  }
  yield {
    name: "size, minified and gzipped",
    tally: TALLY,
    unit: "KiB",
    rounds: 1,
    warmUp: false,
    contestants,
    figures,
  };
}
