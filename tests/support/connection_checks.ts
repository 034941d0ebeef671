/** The checks of connections as tests: each adapter is held to them. */
import { test } from "node:test";
import type { Connection } from "../../mod.ts";
import { CONNECTION_CHECKS, type MakePair } from "../../src/testing/mod.ts";
import { concat } from "./bytes.ts";

/** Reads to the end. */
export async function readAll(connection: Connection): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for (let chunk = await connection.read(); chunk; chunk = await connection.read()) {
    chunks.push(chunk);
  }
  return concat(chunks);
}

/** Bytes in which no two stretches are alike, so that what is lost, doubled or out of order is seen. */
export function countingBytes(length: number): Uint8Array {
  const words = new Uint32Array(Math.ceil(length / 4)).map((_, i) => i);
  return new Uint8Array(words.buffer, 0, length);
}

/** Which of the checks are tests of a connection. */
interface Selection {
  /** The beginnings of those that are, if not all are. */
  readonly only?: readonly string[];
  /** The beginnings of those that are known to fail here, and why. */
  readonly skip?: Readonly<Record<string, string>>;
}

/** Registers the tests for one kind of connection. */
export function checkConnection(
  name: string,
  makePair: MakePair,
  { only = [""], skip = {} }: Selection = {},
): void {
  for (const { name: what, run } of CONNECTION_CHECKS) {
    if (!only.some((begin) => what.startsWith(begin))) continue;
    const reason = Object.entries(skip).find(([begin]) => what.startsWith(begin))?.[1];
    const title = reason === undefined ? what : `${what} (${reason})`;
    test(`${name} ${title}`, { skip: reason !== undefined }, () => run(makePair));
  }
}
