/**
 * How much of this library a page or a bundle loads: minified by esbuild, and gzipped. What is loaded at once are the modules that
 * are imported statically; the adapters are loaded where they are needed, and are told beside it, as all that there is.
 */
import { gzipSync } from "node:zlib";
import { build, type Metafile, type OutputFile } from "esbuild";
import type { Contest, Contestant } from "../contest.ts";
import type { Figure } from "../figures.ts";

const KIB = 1024;
const OUTDIR = "out";
/** There is nothing to count: what does not compile is an error. */
const TALLY = { frames: 1, length: 0 };

/** What is loaded, what must be in it, and how large it may be, in KiB. */
const ENTRIES: readonly { name: string; code: string; atMost?: number }[] = [
  { name: "mod.ts", code: 'export * from "./mod.ts";', atMost: 12 },
  { name: "Framer alone", code: 'export { Framer } from "./mod.ts";', atMost: 4 },
  { name: "Chat alone", code: 'export { Chat } from "./mod.ts";' },
];

interface Compiled {
  readonly files: readonly OutputFile[];
  readonly outputs: Metafile["outputs"];
}

async function compile(code: string): Promise<Compiled> {
  const { outputFiles, metafile } = await build({
    stdin: { contents: code, resolveDir: ".", loader: "ts" },
    outdir: OUTDIR,
    write: false,
    metafile: true,
    bundle: true,
    minify: true,
    splitting: true,
    format: "esm",
    platform: "neutral",
    target: "es2023",
    external: ["node:*"],
    logLevel: "warning",
  });
  return { files: outputFiles, outputs: metafile.outputs };
}

/** The chunks that are loaded with the entry: its static imports, and theirs. */
function loadedAtOnce({ outputs }: Compiled): Set<string> {
  const loaded: Set<string> = new Set();
  const visit = (path: string): void => {
    if (loaded.has(path)) return;
    loaded.add(path);
    for (const { kind, path: next, external } of outputs[path]!.imports) {
      if (kind === "import-statement" && !external) visit(next);
    }
  };
  visit(`${OUTDIR}/stdin.js`);
  return loaded;
}

/** In KiB, as one would send it: each chunk is a file. */
function gzipped({ files }: Compiled, isWanted: (path: string) => boolean): number {
  const wanted = files.filter(({ path }) => isWanted(path.slice(path.lastIndexOf(`${OUTDIR}/`))));
  return wanted.reduce((sum, { contents }) => sum + gzipSync(contents, { level: 9 }).length, 0) /
    KIB;
}

export function* contests(): Generator<Contest> {
  const contestants: Record<string, Contestant> = {};
  const figures: Figure[] = [];
  for (const { name, code, atMost } of ENTRIES) {
    contestants[`${name}, loaded at once`] = async () => {
      const compiled = await compile(code);
      const loaded = loadedAtOnce(compiled);
      return { ...TALLY, measured: gzipped(compiled, (path) => loaded.has(path)) };
    };
    contestants[`${name}, with all that is loaded later`] = async () => {
      return { ...TALLY, measured: gzipped(await compile(code), () => true) };
    };
    figures.push({
      name,
      ours: `${name}, loaded at once`,
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
