// The modules of the runtime, without an import.

import { UnsupportedError } from "../errors.ts";
import { NEEDED } from "./runtime_version.ts";

/** The modules of Node that are used here, which Deno and Bun have, too. */
interface Builtins {
  readonly "node:crypto": typeof import("node:crypto");
  readonly "node:dgram": typeof import("node:dgram");
  readonly "node:dns/promises": typeof import("node:dns/promises");
  readonly "node:fs": typeof import("node:fs");
  readonly "node:net": typeof import("node:net");
  readonly "node:os": typeof import("node:os");
  readonly "node:path": typeof import("node:path");
  readonly "node:process": typeof import("node:process");
  readonly "node:stream": typeof import("node:stream");
  readonly "node:tls": typeof import("node:tls");
}

interface Process {
  getBuiltinModule?<Name extends keyof Builtins>(name: Name): Builtins[Name];
}

/**
 * A module of the runtime. It is asked for, and not imported, so that bundlers for browsers find nothing that they would
 * have to resolve.
 * @throws {UnsupportedError} If the runtime is too old to be asked.
 */
export function builtin<Name extends keyof Builtins>(name: Name): Builtins[Name] {
  const { process } = globalThis as unknown as { readonly process?: Process };
  if (process?.getBuiltinModule === undefined) {
    throw new UnsupportedError(`${name} is needed: use ${NEEDED}`);
  }
  return process.getBuiltinModule(name);
}
