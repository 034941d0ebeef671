/** The recipes of `docs/framings.md`: each reads the same however its bytes arrive. (`docs_test.ts` runs them as they are.) */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { after, test } from "node:test";
import { pathToFileURL } from "node:url";
import { blocksOf } from "../support/code_blocks.ts";
import { setCut } from "../support/cut_library.ts";

const LIBRARY = "../tests/support/cut_library.ts";

const folder = mkdtempSync(join(process.cwd(), "docs-block-"));
after(() => rmSync(folder, { recursive: true }));

/** Makes a function of a recipe, which uses the library that cuts. */
async function load(code: string, name: string): Promise<() => Promise<void>> {
  const imports = /^import [^;]+;$/gm;
  const head = code.match(imports)!.join("\n").replace('"asynchat"', `"${LIBRARY}"`);
  const file = join(folder, `${name}.ts`);
  writeFileSync(file, `${head}\nexport async function run() {\n${code.replace(imports, "")}}\n`);
  return (await import(pathToFileURL(file).href)).run;
}

for (const [i, { heading, code }] of blocksOf("docs/framings.md").entries()) {
  test(`the recipe for ${heading} reads the same, however its bytes arrive`, async () => {
    const run = await load(code, `recipe_${i}`);
    setCut((data) => Array.from(data, (byte) => Uint8Array.of(byte)));
    await run();
    for (let at = 0, longest = 1; at < longest; at++) {
      setCut((data) => {
        longest = Math.max(longest, data.length);
        return at === 0 || at >= data.length ? [data] : [data.slice(0, at), data.slice(at)];
      });
      await run();
    }
  });
}
