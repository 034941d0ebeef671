// ISO 8859-1: each byte is the character of the same number, and no other character exists.

/*
 * `TextDecoder` has no such encoding: its "latin1" is windows-1252, in which the bytes 0x80 to 0x9F are other characters
 * (WHATWG Encoding, section 4.2), and some versions of Node decode that wrongly.
 */

/** How frames become text, and text becomes bytes. */
export type Encoding = "utf-8" | "latin1";

/** `Buffer`'s own, where there is one: 16 KiB take 0.6 µs, and 45 by character codes. */
const { Buffer } = globalThis as {
  Buffer?: {
    readonly prototype: { latin1Slice?(this: Uint8Array, start: number, end: number): string };
  };
};
const slice = Buffer?.prototype.latin1Slice;

/** How many characters are made at once without it: a call takes only so many arguments. */
const PIECE = 8192;

/** The text of the bytes from `start` to `end`. */
export function decodeLatin1(
  bytes: Uint8Array,
  start: number = 0,
  end: number = bytes.length,
): string {
  if (slice !== undefined) return slice.call(bytes, start, end);
  let text = "";
  for (let at = start; at < end; at += PIECE) {
    text += String.fromCharCode(...bytes.subarray(at, Math.min(end, at + PIECE)));
  }
  return text;
}

/** @throws {RangeError} If a character has no byte. */
export function encodeLatin1(name: string, text: string): Uint8Array {
  const bytes = new Uint8Array(text.length);
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code > 0xff) {
      const character = String.fromCodePoint(text.codePointAt(at)!);
      throw new RangeError(
        `${name} has the character ${
          JSON.stringify(character)
        } at ${at}, which latin1 lacks: use the encoding "utf-8"`,
      );
    }
    bytes[at] = code;
  }
  return bytes;
}
