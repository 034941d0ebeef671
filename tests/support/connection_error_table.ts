/** The table of `docs/errors.md`, so that what is documented is what is tested. */
import { readFileSync } from "node:fs";
import type { RuntimeName } from "./programs.ts";

export interface Row {
  readonly happened: string;
  /** `connect()`, or several: `push(), flush()`. */
  readonly operation: string;
  readonly code: string;
  /** With some port, and some time. */
  readonly message: string;
  /** The runtimes that give another code, and the message of that. */
  readonly differs: ReadonlyMap<RuntimeName, string>;
}

/** The rows, by what happened and the operation. */
export function readRows(): Map<string, Row> {
  const lines = readFileSync("docs/errors.md", "utf8").split("\n").filter((line) =>
    /^\|/.test(line)
  );
  const rows = lines.slice(2).map(toRow);
  return new Map(rows.map((row) => [keyOf(row.operation, row.happened), row]));
}

export function keyOf(operation: string, happened: string): string {
  return `${operation} when ${happened}`;
}

/** A message without what is another each time: ports and times. */
export function withoutNumbers(message: string): string {
  return message.replace(/(?<=[a-z\d\]]:)\d+\b/g, "<port>").replace(/\d+(?= ms\b)/, "<time>");
}

function toRow(line: string): Row {
  const cells = line.split("|").slice(1, -1).map((cell) => cell.replaceAll(/[`"]/g, "").trim());
  const [happened, operation, code, message, differs] = cells as [string, ...string[]];
  if (cells.length !== 5) throw new Error(`5 cells were expected in ${line}`);
  const others = [...differs!.matchAll(/(\w+): ([\w-]+)/g)];
  return {
    happened,
    operation: operation!,
    code: code!,
    message: message!,
    differs: new Map(others.map(([, name, other]) => [name!.toLowerCase() as RuntimeName, other!])),
  };
}
