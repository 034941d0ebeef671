/** What no single module can keep: what loads what, and that the manifests agree. */
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { assertEquals, assertMatch } from "@std/assert";
import { loadedWith } from "../support/modules.ts";

const read = (file: string): string => readFileSync(file, "utf8");

test("framer.ts loads nothing that does I/O", () => {
  const loads =
    /^src\/(common|framer|framings)\/|^src\/(errors|framer|framing|receive_buffer|terminator)\.ts$/;
  assertEquals([...loadedWith("src/framer.ts")].filter((name) => !loads.test(name)), []);
});

test("chat.ts loads no adapter, and no sockets", () => {
  const others = [...loadedWith("src/chat.ts")].filter((name) => /adapters|sockets/.test(name));
  assertEquals(others, []);
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
