/** The rules of the house, which no single module can keep. */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { assertEquals } from "@std/assert";

const read = (file: string): string => readFileSync(file, "utf8");
const importsOf = (file: string): string[] =>
  [...read(file).matchAll(/^(?:import|export)\b(?! type\b)[^;]*?from "(.+?)";$/gms)]
    .map((match) => match[1]!);

/** Every module that is loaded with this one: static imports, and theirs. */
function loadedWith(file: string, found: Set<string> = new Set()): Set<string> {
  if (found.has(file)) return found;
  found.add(file);
  for (const name of importsOf(file)) {
    if (name.startsWith(".")) loadedWith(join(dirname(file), name), found);
    else found.add(name);
  }
  return found;
}

test("mod.ts loads no module of a runtime, nor any other package", () => {
  const foreign = [...loadedWith("mod.ts")].filter((name) => !/^(mod\.ts|src\/.*\.ts)$/.test(name));
  assertEquals(foreign, []);
});

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

test("package.json and deno.json agree on the version and the entry points", () => {
  const npm = JSON.parse(read("package.json"));
  const jsr = JSON.parse(read("deno.json"));
  assertEquals(npm.version, jsr.version);
  assertEquals(npm.exports, jsr.exports);
  assertEquals(npm.dependencies, undefined);
});
