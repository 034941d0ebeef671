import { Buffer } from "node:buffer";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The text as UTF-8. */
export function bytes(text: string): Uint8Array {
  return encoder.encode(text);
}

/** The bytes as text; nothing stays nothing. */
export function text(data: Uint8Array): string;
export function text(data: Uint8Array | null): string | null;
export function text(data: Uint8Array | undefined): string | undefined;
export function text(data: Uint8Array | null | undefined): string | null | undefined;
export function text(data: Uint8Array | null | undefined): string | null | undefined {
  return data ? decoder.decode(data) : data as null | undefined;
}

/** The bytes that hexadecimal digits name; anything between them is for the eye. */
export function hex(digits: string): Uint8Array {
  return Uint8Array.from(digits.match(/[0-9a-f]{2}/g) ?? [], (byte) => parseInt(byte, 16));
}

/** Whether both are the same bytes. */
export function isEqual(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && Buffer.compare(one, other) === 0;
}

/** All pieces, one after the other. */
export function concat(pieces: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
