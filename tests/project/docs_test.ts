/**
 * Each TypeScript block of the documents is a program: it is run by itself, on the runtime that the tests run on, and must end
 * by itself, without an error, having printed what the comments behind its `console.log()` say, and "// prints: ..."
 * elsewhere. A block for one runtime says so behind its fence: "ts deno". A part of a file, which is tested itself, begins with
 * the file's name, and is "ts ignore".
 */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { assert, assertEquals } from "@std/assert";
import { Authority } from "../support/certificates.ts";
import { blocksOf, type CodeBlock, documents } from "../support/code_blocks.ts";
import { CURRENT, Program, RUNTIMES } from "../support/programs.ts";

/** A block that has not ended by then has left something open. Milliseconds. */
const LONGEST_RUN = 60_000;

const COMMANDS = {
  node: ["node", "--import", "tsx"],
  deno: ["deno", "run", "--quiet", "--no-check", "--allow-all"],
  bun: ["bun", "run"],
} as const;

const authority = new Authority();
const { cert, key } = authority.sign("DNS:localhost,IP:127.0.0.1");
/** What a block finds where it runs. */
const FILES = {
  "ca.pem": authority.ca,
  "cert.pem": cert,
  "key.pem": key,
  "server.log": "all is well\nan error\n",
};

/** Runs the block in a folder inside the project, where its names mean what they mean to a user. */
async function run({ code }: CodeBlock): Promise<void> {
  const folder = mkdtempSync(join(process.cwd(), "docs-block-"));
  try {
    for (const [name, text] of Object.entries(FILES)) writeFileSync(join(folder, name), text);
    const file = join(folder, "program.ts");
    writeFileSync(
      file,
      `globalThis.process.chdir(${JSON.stringify(folder)});\n${code}\nexport {};`,
    );
    await using program = new Program([...COMMANDS[CURRENT], file]);
    let isOpen = false;
    const timer = setTimeout(() => {
      isOpen = true;
      process.kill(program.pid, "SIGKILL");
    }, LONGEST_RUN);
    const finished = program.finished().finally(() => clearTimeout(timer));
    const { code: exitCode, lines, stderr } = await finished;
    assert(!isOpen, `the program did not end: something is left open\n${stderr}`);
    assertEquals({ exitCode, lines, stderr }, { exitCode: 0, lines: saidBy(code), stderr: "" });
  } finally {
    rmSync(folder, { recursive: true });
  }
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

for (const document of documents()) {
  for (const block of blocksOf(document).filter(({ tags }) => tags[0] === "ts")) {
    const { heading, line, tags: [, only = CURRENT] } = block;
    if (only === "ignore") {
      test(`what is shown under "${heading}" (${document}:${line}) is in its file`, () =>
        compare(block));
      continue;
    }
    const name = `the program under "${heading}" (${document}:${line}) does what it says`;
    test(name, { skip: only !== CURRENT && `it is for ${only}` }, () => run(block));
  }
}

test("every block of the documents says its language, and no program is left out", () => {
  // What is not TypeScript is a command, a picture, or another library's.
  const languages = [
    "ts",
    "ts ignore",
    ...RUNTIMES.map((name) => `ts ${name}`),
    "sh",
    "text",
    "js",
    "py",
    "rust",
  ];
  for (const { document, line, tags } of documents().flatMap(blocksOf)) {
    const met = tags.join(" ");
    const expected = `expected one of ${languages.join(", ")}`;
    assert(languages.includes(met), `${document}:${line} is "${met}": ${expected}`);
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

test("every file that the documents name exists", () => {
  for (const document of documents()) {
    const text = readFileSync(document, "utf8").replace(/^```[^]*?^```$/gm, "");
    for (
      const [, file] of text.matchAll(/`((?:src|tests|examples|bench|tools|docs)\/[\w/.-]*)`/g)
    ) {
      assert(existsSync(file!), `${document} names ${file}, which is not there`);
    }
  }
});

test("every npm script that the documents name exists", () => {
  const { scripts } = JSON.parse(readFileSync("package.json", "utf8"));
  for (const document of [...documents(), "examples/README.md"]) {
    const text = readFileSync(document, "utf8");
    for (const [, script] of text.matchAll(/\bnpm run ([\w:]+)/g)) {
      assert(
        script! in scripts,
        `${document} names npm run ${script}, which is not in package.json`,
      );
    }
  }
});
