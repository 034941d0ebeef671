import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A folder of a test's own. Disposing of it removes it, and all that is in it. */
export class Folder {
  readonly path: string = mkdtempSync(join(tmpdir(), "asynchat-"));

  /** The path of a file in it. */
  at(name: string): string {
    return join(this.path, name);
  }

  /** Writes a file, and returns its path. */
  write(name: string, content: string | Uint8Array): string {
    writeFileSync(this.at(name), content, { mode: 0o600 });
    return this.at(name);
  }

  read(name: string): Uint8Array {
    return readFileSync(this.at(name));
  }

  /** The names of what is in it, in order. */
  get names(): string[] {
    return this.namesIn(".");
  }

  namesIn(folder: string): string[] {
    return readdirSync(this.at(folder)).sort();
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
