import type { BuildOptions, Metafile } from "esbuild";

/** What a page of a browser loads, and what is in it. */
export interface Bundle {
  readonly script: string;
  readonly metafile: Metafile;
}

/** Bundles a module for a browser: what a browser does not have is not left out, but fails. */
export async function bundleForBrowser(
  entry: Pick<BuildOptions, "entryPoints" | "stdin">,
): Promise<Bundle> {
  const { build } = await import("esbuild");
  const { outputFiles, metafile } = await build({
    ...entry,
    bundle: true,
    write: false,
    metafile: true,
    format: "esm",
    platform: "browser",
    logLevel: "silent",
  });
  return { script: outputFiles[0]!.text, metafile };
}
