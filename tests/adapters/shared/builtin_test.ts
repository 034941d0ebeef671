import net from "node:net";
import process from "node:process";
import { test } from "node:test";
import { assertStrictEquals, assertThrows } from "@std/assert";
import { UnsupportedError } from "../../../mod.ts";
import { builtin } from "../../../src/adapters/shared/builtin.ts";

test("builtin() gives the runtime's own module", () => {
  assertStrictEquals(builtin("node:net"), net);
});

test("builtin() says which versions are needed where the runtime cannot be asked", () => {
  const own = process.getBuiltinModule;
  Object.assign(process, { getBuiltinModule: undefined });
  try {
    assertThrows(() => builtin("node:net"), UnsupportedError, "node:net is needed: use Node 20.16");
  } finally {
    Object.assign(process, { getBuiltinModule: own });
  }
});
