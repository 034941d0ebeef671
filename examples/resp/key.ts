/** Bytes as a key of a `Map`: a string of one character a byte. */
export function toKey(bytes: Uint8Array): string {
  let key = "";
  for (let at = 0; at < bytes.length; at += PART) {
    key += String.fromCharCode(...bytes.subarray(at, at + PART));
  }
  return key;
}

/** The bytes of a key. */
export function fromKey(key: string): Uint8Array {
  return Uint8Array.from(key, (character) => character.charCodeAt(0));
}

/** How many arguments every engine takes. */
const PART = 8 * 1024;
