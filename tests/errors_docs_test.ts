/** docs/errors.md has every class, code and message that the source has, and no other. */
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { type ErrorMessage, messagesIn } from "./support/error_messages.ts";
import { readTable } from "./support/tables.ts";

const DOCUMENT = "docs/errors.md";
const ERRORS = readFileSync("src/errors.ts", "utf8");

const sorted = (values: Iterable<string>): string[] => [...new Set(values)].sort();
const matches = (text: string, pattern: RegExp): string[] =>
  [...text.matchAll(pattern)].map((match) => match[1]!);
const lineOf = ({ name, message }: ErrorMessage): string => `${name}: ${message}`;

/** What the document lists under the heading of each class. */
function listed(): string[] {
  const [, list] = readFileSync(DOCUMENT, "utf8").split("\n## Every message\n");
  return list!.split(/^### /m).slice(1).filter((section) => section.startsWith("`"))
    .flatMap((section) => {
      const name = /^`(\w+)`/.exec(section)![1]!;
      return matches(section, /^- `(.+?)`(?:: |$)/gm).map((message) => `${name}: ${message}`);
    });
}

/** The fixed codes, and the classes that have them, of what is thrown. */
function codesOf(source: string): string[] {
  return matches(source, /(?:\bsuper|new ChatError)\(\s*"([\w-]+)"/g);
}

test("docs/errors.md has every message, and none that is not in the source", () => {
  assertEquals(sorted(listed()), sorted(messagesIn("src").map(lineOf)));
});

test("docs/errors.md has every class of errors", () => {
  const classes = [ERRORS, readFileSync("src/testing/conformance.ts", "utf8")]
    .flatMap((source) => matches(source, /export class (\w+Error)/g));
  assertEquals(sorted(readTable(DOCUMENT, "class").map((row) => row["class"]!)), sorted(classes));
});

test("docs/errors.md has every code, and none that is not in the source", () => {
  const codes = readdirSync("src", { recursive: true, encoding: "utf8" })
    .filter((file) => file.endsWith(".ts"))
    .flatMap((file) => codesOf(readFileSync(`src/${file}`, "utf8")));
  const documented = readTable(DOCUMENT, "class").flatMap((row) =>
    matches(row["code"]!, /"([\w-]+)"/g)
  );
  assertEquals(sorted(documented), sorted(codes));
});

test("docs/errors.md has every code of a ConnectionError, and none that is not in the source", () => {
  const [, union] = ERRORS.split("export type ConnectionErrorCode =");
  const codes = matches(union!.slice(0, union!.indexOf(";")), /"([\w-]+)"/g);
  const rows = readTable(DOCUMENT, "code of a ConnectionError");
  const documented = rows.map((row) => Object.values(row)[0]!.replaceAll('"', ""));
  assertEquals(sorted(documented), sorted(codes));
});
