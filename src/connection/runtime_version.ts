// Which versions of the runtimes the library works on.

import { UnsupportedError } from "../errors.ts";

/** On these, and on newer ones, the library's own tests pass: `npm run test:versions` shows it. */
export const OLDEST = { Node: "20.19", Deno: "2.9.2", Bun: "1.4.4" } as const;

/** The same, as an error says it. Node 21 never got what came to 20 and to 22 later. */
export const NEEDED: string =
  `Node ${OLDEST.Node} (of Node 22: 22.3), Deno ${OLDEST.Deno}, Bun ${OLDEST.Bun}, or later`;

/** What a runtime says of itself. Deno and Bun say that they are a Node, too. */
interface Runtimes {
  readonly Deno?: { readonly version?: { readonly deno?: string } };
  readonly Bun?: { readonly version?: string };
  readonly process?: { readonly versions?: { readonly node?: string } };
}

/**
 * Checks that the runtime is not too old. An older one fails in a way of its own, and some hang: over TLS, or in a write
 * to a peer that has gone. One that does not say what it is, a browser, say, passes.
 * @throws {UnsupportedError} If it is, with its version, and the one that is needed.
 */
export function checkRuntime(runtimes: Runtimes = globalThis as unknown as Runtimes): void {
  const [name, version] = versionOf(runtimes);
  if (version === undefined || !isOlder(version, OLDEST[name])) return;
  throw new UnsupportedError(`${name} ${version} is too old: use ${name} ${OLDEST[name]} or later`);
}

function versionOf({ Deno, Bun, process }: Runtimes): [keyof typeof OLDEST, string | undefined] {
  if (Deno !== undefined) return ["Deno", Deno.version?.deno];
  if (Bun !== undefined) return ["Bun", Bun.version];
  return ["Node", process?.versions?.node];
}

/** Compares part by part. What is no number, or is missing, is not older. */
function isOlder(version: string, than: string): boolean {
  const parts = version.split(".").map(parseFloat);
  const oldest = than.split(".").map(parseFloat);
  const at = oldest.findIndex((part, i) => part !== parts[i]);
  return at >= 0 && parts[at]! < oldest[at]!;
}
