/** The rules of the house, which no single module can keep. */
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { assertEquals, assertMatch } from "@std/assert";
import { loadedWith } from "./support/modules.ts";

const read = (file: string): string => readFileSync(file, "utf8");

test("framer.ts loads nothing that does I/O", () => {
  assertEquals([...loadedWith("src/framer.ts")].sort(), [
    "src/block.ts",
    "src/bytes.ts",
    "src/checks.ts",
    "src/chunk_framing.ts",
    "src/decoding.ts",
    "src/deferred.ts",
    "src/delimiters.ts",
    "src/errors.ts",
    "src/frame_encoding.ts",
    "src/frame_finder.ts",
    "src/frame_text.ts",
    "src/framer.ts",
    "src/framing.ts",
    "src/framings/delimited.ts",
    "src/passage.ts",
    "src/receive_buffer.ts",
    "src/terminator.ts",
    "src/text_cutter.ts",
    "src/windows_1252.ts",
  ]);
});

test("each framing loads nothing that does I/O", () => {
  for (const file of readdirSync("src/framings")) {
    const loaded = [...loadedWith(`src/framings/${file}`)];
    assertEquals(loaded.filter((name) => /adapters|sockets|connect|listen|chat/.test(name)), []);
  }
});

test("chat.ts loads no adapter", () => {
  const adapters = [...loadedWith("src/chat.ts")].filter((name) => name.includes("adapters"));
  assertEquals(adapters, []);
});

test("package.json, its lock, deno.json and CHANGELOG.md agree on the version", () => {
  const { version } = JSON.parse(read("package.json"));
  assertMatch(version, /^\d+\.\d+\.\d+$/);
  assertEquals(JSON.parse(read("deno.json")).version, version);
  assertEquals(JSON.parse(read("package-lock.json")).packages[""].version, version);
  assertEquals(read("CHANGELOG.md").match(/^## (\S+)/m)?.[1], version);
});

test("package.json has the entry points of deno.json, built, and needs no other package", () => {
  const npm = JSON.parse(read("package.json"));
  const sources: Record<string, string> = JSON.parse(read("deno.json")).exports;
  const built = Object.entries(sources).map(([name, source]) => {
    const path = source.replace(/^\.\/(.+)\.ts$/, "./dist/$1");
    return [name, { types: `${path}.d.ts`, default: `${path}.js` }];
  });
  const { "./package.json": own, ...exports } = npm.exports;
  assertEquals(exports, Object.fromEntries(built));
  assertEquals(own, "./package.json");
  for (const kind of ["dependencies", "peerDependencies", "optionalDependencies"]) {
    assertEquals(npm[kind], undefined);
  }
});

test("the entry points load no module of a runtime, nor any other package", () => {
  for (const file of Object.values<string>(JSON.parse(read("deno.json")).exports)) {
    const loaded = [...loadedWith(file.slice("./".length))];
    assertEquals(loaded.filter((name) => !/^(\w+|src\/.*)\.ts$/.test(name)), []);
  }
});

test("the workflow calls scripts that there are, and the one that installs the peers", () => {
  const workflow = read(".github/workflows/ci.yml");
  const { scripts } = JSON.parse(read("package.json"));
  const suites = [...workflow.matchAll(/\{ name: (\w+), /g)].map(([, name]) => `test:${name}`);
  const called = [...workflow.matchAll(/npm run ([\w:]+)$/gm)].map(([, name]) => name!);
  assertEquals([...new Set(suites)], ["test:node", "test:deno", "test:bun"]);
  assertEquals(called, ["check"]);
  for (const name of [...suites, ...called]) assertEquals([name, name in scripts], [name, true]);
  for (const file of [workflow, read(".ci/run")]) assertMatch(file, /bash \.ci\/peers$/m);
});
