/** The rules of the house, which no single module can keep. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { loadedWith } from "../support/modules.ts";

const read = (file: string): string => readFileSync(file, "utf8");

/** What a room may load beside what lies in it. */
const ROOMS: readonly { readonly room: string; readonly loads: RegExp }[] = [
  { room: "src/common", loads: /^src\/common\// },
  {
    room: "src/framer",
    loads: /^src\/(common|framer|framings)\/|^src\/(errors|framing|receive_buffer|terminator)\.ts$/,
  },
  {
    room: "src/framings",
    loads: /^src\/(common|framer|framings)\/|^src\/(errors|framing|receive_buffer)\.ts$/,
  },
  { room: "src/chat", loads: /^src\/(common|chat)\/|^src\/(errors|read_queue)\.ts$/ },
  { room: "src/connection", loads: /^src\/(common|connection)\/|^src\/(errors|connection)\.ts$/ },
];

for (const { room, loads } of ROOMS) {
  test(`${room} loads nothing of the rooms above it`, () => {
    for (const file of readdirSync(room)) {
      assertEquals([...loadedWith(`${room}/${file}`)].filter((name) => !loads.test(name)), []);
    }
  });
}

test("a test in a room of tests/ is that of a file in the same room of src/", () => {
  const rooms = readdirSync("src", { withFileTypes: true }).filter((entry) => entry.isDirectory());
  const tests = rooms.flatMap(({ name }) =>
    existsSync(`tests/${name}`)
      ? readdirSync(`tests/${name}`, { recursive: true, encoding: "utf8" })
        .filter((file) => file.endsWith("_test.ts")).map((file) => `${name}/${file}`)
      : []
  );
  const isAlone = (file: string): boolean =>
    !existsSync(`src/${file.replace(/_test\.ts$/, ".ts")}`);
  assertEquals(tests.filter(isAlone), []);
  assert(tests.length > 30, `${tests.length} tests were found`);
});

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
