/** The recipes of `docs/framings.md`: each reads the same, however its bytes arrive. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import process from "node:process";
import { pathToFileURL } from "node:url";
import { after, test } from "node:test";
import { blocksOf } from "../support/code_blocks.ts";
import { setCut } from "../support/cut_library.ts";

const folder = mkdtempSync(join(process.cwd(), "docs-block-"));
after(() => rmSync(folder, { recursive: true }));

/** Makes a function of a recipe, which runs on the library that cuts. */
async function load(code: string, name: string): Promise<() => Promise<void>> {
  const IMPORT = /^import [^;]+;$/gm;
  const imports = code.match(IMPORT)!.join("\n").replace(
    '"asynchat"',
    '"../tests/support/cut_library.ts"',
  );
  const file = join(folder, `${name}.ts`);
  writeFileSync(file, `${imports}\nexport async function run() {\n${code.replace(IMPORT, "")}\n}`);
  return (await import(pathToFileURL(file).href)).run;
}

for (const [i, { heading, code }] of blocksOf("docs/framings.md").entries()) {
  test(`the recipe for ${heading} reads the same, however its bytes arrive`, async () => {
    const run = await load(code, `recipe_${i}`);
    setCut((data) => Array.from(data, (byte) => Uint8Array.of(byte)));
    await run();
    let longest = 1;
    for (let at = 0; at < longest; at++) {
      setCut((data) => {
        longest = Math.max(longest, data.length);
        return [data.slice(0, at), data.slice(at)].filter(({ length }) => length > 0);
      });
      await run();
    }
  });
}
