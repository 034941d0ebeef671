/** Reads the tables of the documentation, so that the tests hold the library to what they say. */
import { readFileSync } from "node:fs";

/** One row: what stands under each heading, without the marks of code. */
export type Row = Readonly<Record<string, string>>;

/**
 * The rows of the table with this first heading.
 * @param file The document, from the project's root.
 * @param heading The first heading of the table.
 */
export function readTable(file: string, heading: string): Row[] {
  const lines = readFileSync(new URL(`../../${file}`, import.meta.url), "utf8").split("\n");
  const top = lines.findIndex((line) => cellsOf(line)[0] === heading);
  if (top === -1) throw new Error(`${file} has no table that begins with "${heading}"`);
  const headings = cellsOf(lines[top]!);
  const rows = lines.slice(top + 2);
  return rows.slice(0, rows.findIndex((line) => !line.startsWith("|"))).map((line) => {
    const cells = cellsOf(line);
    return Object.fromEntries(headings.map((name, i) => [name, cells[i] ?? ""]));
  });
}

function cellsOf(line: string): string[] {
  return line.split("|").slice(1, -1).map((cell) => cell.trim().replaceAll("`", ""));
}
