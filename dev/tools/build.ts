/**
 * Makes dist/ of the sources: JavaScript, declarations and source maps, which is what npm gets.
 *
 *     npm run build
 */
import { spawnSync } from "node:child_process";
import { copyFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";
import process from "node:process";

const FOLDER = "dist";

function compile(...options: readonly string[]): void {
  const typescript = createRequire(import.meta.url).resolve("typescript/package.json");
  const tsc = join(dirname(typescript), "bin", "tsc");
  const args = [tsc, "--project", "dev/tools/tsconfig.build.json", ...options];
  const { status } = spawnSync(process.execPath, args, { stdio: "inherit" });
  if (status !== 0) throw new Error(`tsc ended with ${status}`);
}

/** Has the declarations import those of the globals that they speak of. */
function declareGlobals(): void {
  for (const name of readdirSync(FOLDER, { recursive: true, encoding: "utf8" })) {
    const file = join(FOLDER, name);
    const declarations = name.endsWith(".d.ts") ? readFileSync(file, "utf8") : "";
    if (!/\b(AsyncDisposable|asyncDispose|ReadableStream<|WritableStream<)/.test(declarations)) {
      continue;
    }
    const globals = relative(dirname(name), "globals.d.ts").replaceAll("\\", "/");
    const path = globals.startsWith(".") ? globals : `./${globals}`;
    // At the end, so that the lines stay where the source map has them.
    writeFileSync(
      file,
      declarations.replace(/(?=^\/\/# sourceMappingURL=)/m, `import type {} from "${path}";\n`),
    );
  }
  copyFileSync("dev/tools/globals.d.ts", join(FOLDER, "globals.d.ts"));
}

rmSync(FOLDER, { recursive: true, force: true });
compile("--removeComments");
compile("--emitDeclarationOnly"); // with the comments
declareGlobals();
