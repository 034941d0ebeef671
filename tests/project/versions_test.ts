/** What is said of the versions of the runtimes is said alike everywhere, and is what the tests run on. */
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { OLDEST } from "../../src/connection/runtime_version.ts";

const read = (file: string): string => readFileSync(file, "utf8");

/** What `npm run test:versions` runs, of each runtime the oldest first. */
const TESTED: Readonly<Record<string, readonly string[]>> = JSON.parse(read("dev/versions.json"));
const NAMES = Object.keys(OLDEST) as readonly (keyof typeof OLDEST)[];

/** Whether a version belongs to another, which may be shorter: `20.19.0` is a `20.19`, and a `20`. */
const isOf = (version: string, shorter: string): boolean => `${version}.`.startsWith(`${shorter}.`);

test("the README's table of versions is what the tests run on", () => {
  const [, table = ""] = read("README.md").match(/^(\| runtime .*\n(?:\|.*\n)+)/m) ?? [];
  const [, , ...rows] = table.trimEnd().split("\n")
    .map((row) => row.split("|").slice(1, -1).map((cell) => cell.trim()));
  const expected = NAMES.map((name) => [
    name,
    `${OLDEST[name]} or later`,
    TESTED[name.toLowerCase()]!.join(", "),
  ]);
  assertEquals(rows, expected);
});

test("the oldest version that the library takes is the oldest that the tests run on, and the one in package.json", () => {
  const { engines } = JSON.parse(read("package.json"));
  for (const name of NAMES) {
    const key = name.toLowerCase();
    assertEquals(isOf(TESTED[key]![0]!, OLDEST[name]), true, `${name} ${OLDEST[name]}`);
    assertEquals(engines[key], `>=${OLDEST[name]}`);
  }
});

test("the documents name the oldest version of a runtime wherever they name what is needed", () => {
  for (
    const file of ["README.md", "docs/CONTRIBUTING.md", "CHANGELOG.md", "docs/getting_started.md"]
  ) {
    const named = [...read(file).matchAll(/\b(Node|Deno|Bun) (\d[\d.]*\d) or later/g)];
    for (const [, name, version] of named) {
      assertEquals(version, OLDEST[name as keyof typeof OLDEST], `${file}: ${name} ${version}`);
    }
    assertEquals(named.length > 0, true, file);
  }
});

test("CI runs on the versions of Node that the tests run on, and on every version once", () => {
  const workflow = read(".github/workflows/ci.yml");
  const nodes = [...workflow.matchAll(/\{ name: node, version: "?([\d.]+)"?/g)];
  assertEquals(
    TESTED["node"]!.map((version, i) => isOf(version, nodes[i]?.[1] ?? "none")),
    nodes.map(() => true),
  );
  assertEquals(workflow.includes("run: npm run test:versions"), true);
});
