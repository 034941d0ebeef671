import { readFileSync } from "node:fs";
import { test } from "node:test";
import { assert, assertLess, assertMatch } from "@std/assert";

/** The formatter puts spaces elsewhere where a line stands alone. */
const withoutSpace = (text: string): string => text.replace(/\s+/g, "");

test("what the examples' README shows is in the programs, line for line", () => {
  const readme = readFileSync("examples/README.md", "utf8");
  const blocks = [...readme.matchAll(/^```ts\n([^]*?)^```$/gm)].map((match) => match[1]!);
  for (const block of blocks) {
    const [first, ...lines] = block.split("\n");
    assertMatch(first!, /^\/\/ [\w/]+\.ts$/, "a block begins with the name of its file");
    const shown = withoutSpace(lines.join("\n"));
    assertLess(0, shown.length);
    const file = first!.slice("// ".length);
    assert(withoutSpace(readFileSync(`examples/${file}`, "utf8")).includes(shown), block);
  }
});
