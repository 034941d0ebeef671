/** That the manifests agree. */
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { assertEquals, assertMatch } from "@std/assert";

const read = (file: string): string => readFileSync(file, "utf8");

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
