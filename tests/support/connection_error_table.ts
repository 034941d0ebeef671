/** The table of `docs/errors.md`, so that what is documented is what is tested. */
import type { RuntimeName } from "./programs.ts";
import { readTable } from "./tables.ts";

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
  const rows = readTable("docs/errors.md", "what happened").map(toRow);
  return new Map(rows.map((row) => [keyOf(row.operation, row.happened), row]));
}

export function keyOf(operation: string, happened: string): string {
  return `${operation} when ${happened}`;
}

/** A message without what is another each time: ports and times. */
export function withoutNumbers(message: string): string {
  return message.replace(/(?<=[a-z\d\]]:)\d+\b/g, "<port>").replace(/\d+(?= ms\b)/, "<time>");
}

function toRow(cells: Readonly<Record<string, string>>): Row {
  const cell = (heading: string): string => cells[heading]!;
  const others = [...cell("differs").matchAll(/(\w+): "([\w-]+)"/g)];
  return {
    happened: cell("what happened"),
    operation: cell("operation"),
    code: cell("code").replaceAll('"', ""),
    message: cell("example message"),
    differs: new Map(others.map(([, name, other]) => [name!.toLowerCase() as RuntimeName, other!])),
  };
}
