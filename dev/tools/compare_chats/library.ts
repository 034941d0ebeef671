// The library, in one of its versions.

import { resolve } from "node:path";
import { pathToFileURL } from "node:url";

/** All that `mod.ts` exports. (What only one of the versions has must not be used.) */
export type Library = typeof import("../../../mod.ts");

/** Loads the version whose sources are in that directory. */
export async function loadLibrary(directory: string): Promise<Library> {
  return await import(pathToFileURL(resolve(directory, "mod.ts")).href);
}
