/** The programs in docs/transports.md that need files, with these, on the runtime that the tests run on. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { assertEquals } from "@std/assert";
import { Authority } from "./support/certificates.ts";
import { command, CURRENT, run } from "./support/programs.ts";

const DOCUMENT = "docs/transports.md";
const PROGRAM = /^## (.+)$|^```ts ignore\n([^]*?)^```$/gm;

const authority = new Authority();
const { cert, key } = authority.sign("DNS:localhost,IP:127.0.0.1");
const files = {
  "ca.pem": authority.ca,
  "cert.pem": cert,
  "key.pem": key,
  "server.log": "all is well\nan error\n",
};

let heading = "";
for (const [, title, program] of readFileSync(DOCUMENT, "utf8").matchAll(PROGRAM)) {
  if (program === undefined) heading = title!;
  else {
    test(`the program under "${heading}" in ${DOCUMENT} prints what it says`, async () => {
      const folder = mkdtempSync(join(tmpdir(), "asynchat-"));
      for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
      const file = join(folder, "program.ts");
      const module = pathToFileURL(join(process.cwd(), "mod.ts")).href;
      writeFileSync(
        file,
        `process.chdir(${JSON.stringify(folder)});\nimport process from "node:process";\n` +
          program.replace('"asynchat"', JSON.stringify(module)),
      );
      writeFileSync(join(folder, "package.json"), '{"type":"module"}');
      const allowed = command(CURRENT, file)
        .map((flag) => flag === "--allow-net" ? "--allow-all" : flag);
      const { code, lines, stderr } = await run(allowed);
      const said = [...program.matchAll(/console\.log\(.*\/\/ (.+)$/gm)].map((match) => match[1]);
      assertEquals({ code, lines: [...lines], stderr }, { code: 0, lines: said, stderr: "" });
      rmSync(folder, { recursive: true });
    });
  }
}
