/**
 * Each TypeScript block of the documents is a program: it is run by itself, on the runtime that the tests run on, and must end
 * by itself, without an error, having printed what the comments behind its `console.log()` say, and "// prints: ..."
 * elsewhere. A block for one runtime says so behind its fence: "ts deno". A part of a file, which is tested itself, begins with
 * the file's name, and is "ts ignore".
 */
import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";
import process from "node:process";
import { after, test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { Authority } from "../support/certificates.ts";
import { blocksOf, type CodeBlock, documents } from "../support/code_blocks.ts";
import { PATIENCE } from "../support/limits.ts";
import { CURRENT, Program, RUNTIMES } from "../support/programs.ts";

const authority = new Authority();
const { cert, key } = authority.sign("DNS:localhost,IP:127.0.0.1");
/** What a block finds where it runs. */
const FILES = {
  "ca.pem": authority.ca,
  "cert.pem": cert,
  "key.pem": key,
  "server.log": "all is well\nan error\n",
};

const PROGRAM = "program.ts";

/** Writes a block where it runs: in a folder inside the project its names mean what they mean to a user. */
function write({ code }: CodeBlock): string {
  const place = mkdtempSync(join(process.cwd(), "docs-block-"));
  after(() => rmSync(place, { recursive: true }));
  for (const [name, text] of Object.entries(FILES)) writeFileSync(join(place, name), text);
  const start = `globalThis.process.chdir(${JSON.stringify(place)});`;
  writeFileSync(join(place, PROGRAM), `${start}\n${code}\nexport {};`);
  return place;
}

const COMMANDS = {
  node: (place: string) => ["node", join(place, "program.mjs")],
  deno: (place: string) => [...DENO, join(place, PROGRAM)],
  bun: (place: string) => ["bun", "run", join(place, PROGRAM)],
};
const DENO = ["deno", "run", "--quiet", "--no-check", "--allow-all"];

/** Makes JavaScript of all of them, for Node: it starts faster. */
function bundle(places: readonly string[]): void {
  const esbuild = join("node_modules", ".bin", "esbuild");
  const cwd = process.cwd();
  const { status, stderr } = spawnSync(esbuild, [
    ...["--bundle", "--format=esm", "--platform=node", "--target=node20", "--log-level=error"],
    ...[`--outdir=${cwd}`, `--outbase=${cwd}`, "--out-extension:.js=.mjs"],
    ...places.map((place) => join(place, PROGRAM)),
  ], { encoding: "utf8" });
  assert(status === 0, stderr);
}

/** Runs a block, which must end by itself. */
async function run(place: string, { code }: CodeBlock): Promise<void> {
  await using program = new Program(COMMANDS[CURRENT](place));
  let isOpen = false;
  const timer = setTimeout(() => {
    isOpen = true;
    process.kill(program.pid, "SIGKILL");
  }, PATIENCE);
  const { code: exitCode, lines, stderr } = await program.finished()
    .finally(() => clearTimeout(timer));
  assert(!isOpen, `the program did not end: something is left open\n${stderr}`);
  assertEquals({ exitCode, lines, stderr }, { exitCode: 0, lines: saidBy(code), stderr: "" });
}

/** Runs one after the other, in as many lanes as the machine has processors; each result is there when it is asked for. */
function runAll(blocks: readonly CodeBlock[]): Map<CodeBlock, Promise<void>> {
  const results = new Map<CodeBlock, Promise<void>>();
  const lanes = Array.from({ length: availableParallelism() }, () => Promise.resolve());
  const places = blocks.map(write);
  if (CURRENT === "node") bundle(places);
  for (const [i, block] of blocks.entries()) {
    const lane = i % lanes.length;
    const result = lanes[lane]!.then(() => run(places[i]!, block));
    results.set(block, result);
    lanes[lane] = result.catch(() => {});
  }
  return results;
}

/** What the block says that it prints. */
function saidBy(code: string): string[] {
  return [...code.matchAll(/(?:console\.log\(.*\/\/|\/\/ prints:) (.+)$/gm)].map((match) =>
    match[1]!
  );
}

/** Fails unless the block stands, line for line, in the file that its first line names. */
function compare({ code }: CodeBlock): void {
  const [first, ...lines] = code.split("\n");
  const [, file] = /^\/\/ ([\w/]+\.ts)$/.exec(first!) ?? [];
  assert(file !== undefined, `expected the name of a file, not ${first}`);
  // The formatter breaks lines elsewhere where they stand alone.
  const withoutSpace = (text: string): string => text.replace(/\s+/g, "");
  const shown = withoutSpace(lines.join("\n"));
  assert(shown !== "" && withoutSpace(readFileSync(file, "utf8")).includes(shown), code);
}

const blocks = documents().flatMap(blocksOf).filter(({ tags }) => tags[0] === "ts");
const programs = blocks.filter(({ tags: [, only = CURRENT] }) => only === CURRENT);
const results = runAll(programs);

for (const block of blocks) {
  const { document, heading, line, tags: [, only = CURRENT] } = block;
  const where = `under "${heading}" (${document}:${line})`;
  if (only === "ignore") test(`what is shown ${where} is in its file`, () => compare(block));
  else {
    const skip = only !== CURRENT && `it is for ${only}`;
    test(`the program ${where} does what it says`, { skip }, () => results.get(block));
  }
}

test("every block of the documents says its language, and no program is left out", () => {
  const programs = ["ts", "ts ignore", ...RUNTIMES.map((name) => `ts ${name}`)];
  // What is not TypeScript is a command, a picture, or another library's.
  const languages = [...programs, "sh", "text", "js", "py", "rust"];
  for (const { document, line, tags } of documents().flatMap(blocksOf)) {
    assert(languages.includes(tags.join(" ")), `${document}:${line} is "${tags.join(" ")}"`);
  }
});

test("every link in the documents leads somewhere", () => {
  for (const document of [...documents(), "examples/README.md"]) {
    const text = readFileSync(document, "utf8");
    for (const [, target] of text.matchAll(/\]\((?!https?:)([^)\s]+)\)/g)) {
      const [path, anchor] = target!.split("#");
      const file = path === "" ? document : join(dirname(document), path!);
      assert(existsSync(file), `${document} links to ${target}, which is not there`);
      if (anchor === undefined) continue;
      const anchors = [...readFileSync(file, "utf8").matchAll(/^#+ (.+)$/gm)].map(toAnchor);
      assert(anchors.includes(anchor), `${document} links to ${target}: there is no such heading`);
    }
  }
});

/** As GitHub makes one of a heading. */
function toAnchor([, heading]: RegExpMatchArray): string {
  return heading!.toLowerCase().replace(/[^\p{L}\p{N} _-]/gu, "").replaceAll(" ", "-");
}

test("every file and every npm script that the documents name exists", () => {
  const { scripts } = JSON.parse(readFileSync("package.json", "utf8"));
  const exists = (name: string): boolean => name.includes("/") ? existsSync(name) : name in scripts;
  for (const document of [...documents(), "examples/README.md"]) {
    const text = readFileSync(document, "utf8").replace(/^```[^]*?^```$/gm, "");
    const named = [
      ...text.matchAll(/`((?:src|tests|examples|dev|docs)\/[\w/.-]*)`/g),
      ...text.matchAll(/\bnpm run ([\w:]+)/g),
    ].map(([, name]) => name!);
    assertEquals(named.filter((name) => !exists(name)), [], document);
  }
});
