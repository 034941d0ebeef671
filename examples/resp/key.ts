import { Buffer } from "node:buffer";

/** Bytes as a key of a `Map`: a string of one character a byte. (Character by character 16 bytes take three times as long.) */
export function toKey(bytes: Uint8Array): string {
  return latin1Slice.call(bytes, 0, bytes.length);
}

/** The bytes of a key. */
export function fromKey(key: string): Uint8Array {
  return Uint8Array.from(key, (character) => character.charCodeAt(0));
}

const { latin1Slice } = Buffer.prototype as {
  latin1Slice(this: Uint8Array, start: number, end: number): string;
};
