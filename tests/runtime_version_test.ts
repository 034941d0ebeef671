import { test } from "node:test";
import { assertThrows } from "@std/assert";
import { UnsupportedError } from "../mod.ts";
import { checkRuntime } from "../src/runtime_version.ts";

const NODE = { versions: { node: "20.19.0" } };

test("checkRuntime() refuses a runtime that is too old, and names its version and those that are needed", () => {
  const needed = "is too old: use Node 20.19, Deno 2.9.2, Bun 1.4.4, or later";
  for (const node of ["20.18.3", "18.20.8", "8.17.0"]) {
    const process = { versions: { node } };
    assertThrows(() => checkRuntime({ process }), UnsupportedError, `Node ${node} ${needed}`);
  }
  for (const deno of ["2.9.1", "2.9.1+9d3a1f2", "2.8.3", "1.46.3"]) {
    const Deno = { version: { deno } };
    const runtimes = { Deno, process: NODE };
    assertThrows(() => checkRuntime(runtimes), UnsupportedError, `Deno ${deno} ${needed}`);
  }
  for (const version of ["1.4.3", "1.3.14", "0.8.1"]) {
    const runtimes = { Bun: { version }, process: NODE };
    assertThrows(() => checkRuntime(runtimes), UnsupportedError, `Bun ${version} ${needed}`);
  }
});

test("checkRuntime() takes the oldest version of each runtime, and newer ones, though the Node that they claim to be be old", () => {
  const old = { versions: { node: "18.0.0" } };
  for (const node of ["20.19.0", "20.20.2", "22.0.0", "100.0.0-nightly20270101"]) {
    checkRuntime({ process: { versions: { node } } });
  }
  for (const deno of ["2.9.2", "2.9.10", "2.10.0", "3.0.0-rc.1+9d3a1f2"]) {
    checkRuntime({ Deno: { version: { deno } }, process: old });
  }
  for (const version of ["1.4.4", "1.4.4-canary.1", "1.4.10", "1.10.0", "2.0.0"]) {
    checkRuntime({ Bun: { version }, process: old });
  }
  checkRuntime();
});

test("checkRuntime() takes a runtime that does not say its version", () => {
  for (const runtimes of [{}, { process: {} }, { Deno: {} }, { Bun: { version: "canary" } }]) {
    checkRuntime(runtimes);
  }
});
