import { test } from "node:test";
import { assertThrows } from "@std/assert";
import { UnsupportedError } from "../../mod.ts";
import { checkRuntime } from "../../src/connection/runtime_version.ts";

/** Deno and Bun say that they are a Node, too: a recent one, or an old one. */
const RECENT = { versions: { node: "26.0.0" } };
const OLD = { versions: { node: "18.0.0" } };

const node = (version: string): object => ({ process: { versions: { node: version } } });
const deno = (version: string, process: object = RECENT): object => ({
  Deno: { version: { deno: version } },
  process,
});
const bun = (version: string, process: object = RECENT): object => ({ Bun: { version }, process });

test("checkRuntime() refuses a runtime that is too old, and names its version and the one that is needed", () => {
  const old: readonly [object, string][] = [
    [node("20.18.3"), "Node 20.18.3 is too old: use Node 20.19 or later"],
    [node("18.20.8"), "Node 18.20.8 is too old"],
    [node("8.17.0"), "Node 8.17.0 is too old"],
    [deno("2.9.1"), "Deno 2.9.1 is too old: use Deno 2.9.2 or later"],
    [deno("2.9.1+9d3a1f2"), "Deno 2.9.1+9d3a1f2 is too old"],
    [deno("2.8.3"), "Deno 2.8.3 is too old"],
    [deno("1.46.3"), "Deno 1.46.3 is too old"],
    [bun("1.4.3"), "Bun 1.4.3 is too old: use Bun 1.4.4 or later"],
    [bun("1.3.14"), "Bun 1.3.14 is too old"],
    [bun("0.8.1"), "Bun 0.8.1 is too old"],
  ];
  for (const [runtime, message] of old) {
    assertThrows(() => checkRuntime(runtime), UnsupportedError, message);
  }
});

test("checkRuntime() takes the oldest version of each runtime, and newer ones, whichever Node they say they are", () => {
  for (const version of ["20.19.0", "20.20.2", "22.0.0", "100.0.0-nightly20270101"]) {
    checkRuntime(node(version));
  }
  for (const version of ["2.9.2", "2.9.10", "2.10.0", "3.0.0-rc.1+9d3a1f2"]) {
    checkRuntime(deno(version, OLD));
  }
  for (const version of ["1.4.4", "1.4.10", "1.10.0", "2.0.0-canary.1"]) {
    checkRuntime(bun(version, OLD));
  }
  checkRuntime();
});

test("checkRuntime() takes a runtime that does not say its version", () => {
  for (const runtime of [{}, { process: {} }, { Deno: {} }, bun("canary")]) checkRuntime(runtime);
});
