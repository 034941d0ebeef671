// How values and errors are written down, so that those of two versions can be compared, and read.

import { Buffer } from "node:buffer";
import { bytes as encode } from "../../../tests/support/bytes.ts";

const UNPRINTABLE = /[^ -~]/g;

/** Longer texts are shortened, to their beginning, length and checksum. */
const LONGEST_SHOWN = 60;

/** The names of errors and reasons that the script has made: they must come back as they are. */
export type Labels = Map<unknown, string>;

/** A value of a script, as a line to read. */
export function inspectBriefly(value: unknown): string {
  if (typeof value === "string") return shorten(JSON.stringify(value), value);
  if (Array.isArray(value)) return `[${value.map(inspectBriefly).join(", ")}]`;
  if (typeof value !== "object" || value === null) return String(value);
  const members = Object.entries(value).filter(([, member]) => member !== undefined)
    .map(([name, member]) => `${name}: ${inspectBriefly(member)}`);
  return `{${members.join(", ")}}`;
}

/** What a call gives. */
export function describeValue(value: unknown): string {
  if (typeof value === "string") return shorten(JSON.stringify(value), value);
  if (value instanceof Uint8Array) {
    const shown = Buffer.from(value.subarray(0, LONGEST_SHOWN + 1)).toString("latin1");
    return shorten(`b"${shown.replace(UNPRINTABLE, escape)}"`, value);
  }
  return inspectBriefly(value);
}

/** An error: one of the script's by its label, and any other by what a program can tell of it. */
export function describeError(error: unknown, labels: Labels, withMessages: boolean): string {
  const label = labels.get(error);
  if (label !== undefined) return `<${label}>`;
  if (!(error instanceof Error)) return `a thrown ${describeValue(error)}`;
  const { code, bytes, limit, timeout, seen, cause } = error as Error & Record<string, unknown>;
  const told = { code, limit, timeout, seen: withMessages ? seen : undefined };
  const parts = [error.name];
  for (const [name, value] of Object.entries(told)) {
    if (value !== undefined) parts.push(`${name}=${String(value)}`);
  }
  if (bytes !== undefined) parts.push(`bytes=${describeValue(bytes)}`);
  if (cause !== undefined) parts.push(`cause=(${describeError(cause, labels, withMessages)})`);
  if (withMessages) parts.push(JSON.stringify(error.message));
  return parts.join(" ");
}

function escape(character: string): string {
  if (character === "\n") return "\\n";
  if (character === "\r") return "\\r";
  return `\\x${character.charCodeAt(0).toString(16).padStart(2, "0")}`;
}

function shorten(shown: string, value: string | Uint8Array): string {
  if (value.length <= LONGEST_SHOWN) return shown;
  const kind = typeof value === "string" ? "characters" : "bytes";
  return `${shown.slice(0, LONGEST_SHOWN)}... (${value.length} ${kind}, #${checksum(value)})`;
}

/** FNV-1a. */
function checksum(value: string | Uint8Array): string {
  const bytes = typeof value === "string" ? encode(value) : value;
  let sum = 0x811c9dc5;
  for (let at = 0; at < bytes.length; at++) sum = Math.imul(sum ^ bytes[at]!, 0x01000193);
  return (sum >>> 0).toString(16);
}
