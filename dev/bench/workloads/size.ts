/** How large the library is in a page or a bundle: minified by esbuild, and gzipped. It is the same on every runtime. */
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import type { Contest } from "../contest.ts";

/** What is loaded, and how large that may be, in KiB. */
const ENTRIES = {
  "Framer": ["{ Framer }", 7],
  "Chat": ["{ Chat }", 13.5],
  "connect, listen, serve": ["{ connect, listen, serve }", 21],
  "the main entry": ["*", 26],
} as const;

export function* contests(): Generator<Contest> {
  for (const [name, [names, atMost]] of Object.entries(ENTRIES)) {
    yield {
      name: `size of ${name}`,
      unit: "KiB",
      rounds: 1,
      warmUp: false,
      contestants: { [name]: () => sizeOf(names) },
      figures: [{ name: `size of ${name}`, ours: name, atMost }],
    };
  }
}

async function sizeOf(names: string): Promise<number> {
  const { outputFiles } = await build({
    stdin: { contents: `export ${names} from "./mod.ts";`, resolveDir: ".", loader: "ts" },
    write: false,
    bundle: true,
    minify: true,
    format: "esm",
    // TLS is loaded when it is used.
    external: ["node:*", "*/tls/mod.ts"],
    logLevel: "warning",
  });
  return gzipSync(outputFiles[0]!.contents, { level: 9 }).length / 1024;
}
