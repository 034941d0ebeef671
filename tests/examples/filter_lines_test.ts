import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { assertEquals, assertStrictEquals, assertStringIncludes } from "@std/assert";
import { CURRENT, type Output, permitted, run } from "../support/programs.ts";

const FILE = "examples/filter_lines.ts";

/** Runs the program, on Deno with the permissions that its comment says. */
function filterLines(...args: string[]): Promise<Output> {
  return run(permitted(["--allow-read", "--allow-write"], CURRENT, FILE, ...args));
}

test("the filter of lines copies those that contain the text, and says how many", async () => {
  const folder = mkdtempSync(join(tmpdir(), "asynchat-"));
  const [from, to] = [join(folder, "from"), join(folder, "to")];
  try {
    const lines = Array.from({ length: 30_000 }, (_, i) => `${i % 3 ? "note" : "error"} ${i}`);
    writeFileSync(from, lines.join("\n"));
    const { lines: printed, code, stderr } = await filterLines(
      ...["--text", "error", "--from", from, "--to", to],
    );
    assertEquals([printed, code], [['10000 lines contain "error"'], 0], stderr);
    const expected = lines.filter((line) => line.startsWith("error")).map((line) => `${line}\n`);
    assertStrictEquals(readFileSync(to, "utf8"), expected.join(""));

    const missing = await filterLines("--from", join(folder, "none"), "--to", to);
    assertStrictEquals(missing.code, 1);
    assertStringIncludes(missing.stderr, "cannot read from the source: there is no such file");
  } finally {
    rmSync(folder, { recursive: true });
  }
});
