/** What npm gets of this project, as it is packed, and an otherwise empty project that it is installed in. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { shellOutput } from "./shell.ts";

/** The packed file, installed without a network. */
export class Installed {
  /** The packed file. */
  readonly tarball: string;
  /** What is in it, by name. */
  readonly files: readonly string[];
  readonly #folder: string;

  private constructor(folder: string, tarball: string, files: readonly string[]) {
    this.#folder = folder;
    this.tarball = tarball;
    this.files = files;
  }

  static async make(): Promise<Installed> {
    const folder = mkdtempSync(join(tmpdir(), "asynchat-"));
    process.once("exit", () => rmSync(folder, { recursive: true }));
    const packed = await shellOutput(`npm pack --json --pack-destination '${folder}'`);
    const [{ filename, files }] = JSON.parse(packed.slice(packed.indexOf("[\n")));
    const names = files.map(({ path }: { path: string }) => path);
    const installed = new Installed(folder, join(folder, filename), names);
    mkdirSync(installed.#project);
    installed.write("package.json", '{ "type": "module" }');
    await installed.run(`npm install --offline --no-audit --no-fund '${installed.tarball}'`);
    return installed;
  }

  get #project(): string {
    return join(this.#folder, "project");
  }

  /** The path of a file in the project. */
  path(name: string): string {
    return join(this.#project, name);
  }

  /** Writes a file of the project. */
  write(name: string, text: string): void {
    writeFileSync(this.path(name), text);
  }

  /** What a line of the shell prints that is run in the project. Rejects with all it says if it fails. */
  run(line: string): Promise<string> {
    return shellOutput(`cd '${this.#project}' && ${line}`);
  }
}
