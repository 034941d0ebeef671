/** The code blocks of the documentation, so that the tests run what it shows. */
import { readdirSync, readFileSync } from "node:fs";

export interface CodeBlock {
  /** The document, from the project's root. */
  readonly document: string;
  /** The line that the block begins on. */
  readonly line: number;
  /** The heading that it stands under. */
  readonly heading: string;
  /** What follows the fence: `ts`, and perhaps `ignore`. */
  readonly tags: readonly string[];
  readonly code: string;
}

/** What a user reads: the documents of the root, and those in `docs/`. */
export function documents(): string[] {
  const isDocument = (file: string): boolean => file.endsWith(".md");
  return [
    ...readdirSync(".").filter(isDocument),
    ...readdirSync("docs").filter(isDocument).map((file) => `docs/${file}`),
  ].sort();
}

/** The code blocks of a document, in any language. */
export function blocksOf(document: string): CodeBlock[] {
  const text = readFileSync(document, "utf8");
  const blocks: CodeBlock[] = [];
  let heading = "";
  for (const match of text.matchAll(/^#+ (.+)$|^```(.*)\n([^]*?)^```$/gm)) {
    const [, title, tags, code] = match;
    if (title !== undefined) heading = title;
    else {
      const line = text.slice(0, match.index).split("\n").length;
      blocks.push({ document, line, heading, tags: tags!.split(" "), code: code! });
    }
  }
  return blocks;
}
