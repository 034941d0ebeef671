// A decoder of windows-1252, which is wrong in some versions of Node.

/** The characters of the bytes 0x80 to 0x9F (WHATWG Encoding, index windows-1252); all other bytes are their own. */
const UPPER = "€\u0081‚ƒ„…†‡ˆ‰Š‹Œ\u008dŽ\u008f\u0090‘’“”•–—˜™š›œ\u009džŸ";
/** How many characters a string is made of at once: a call takes only so many arguments. */
const PIECE = 8192;

/**
 * Decodes windows-1252, which `"latin1"` and `"iso-8859-1"` mean as well. Some versions of Node decode it wrongly: 20.18.3
 * to 20.20 lose characters, and take the bytes 0x80 to 0x9F for control characters (nodejs/node issue 60888).
 */
export function decodeWindows1252(bytes: Uint8Array): string {
  let text = "";
  for (let at = 0; at < bytes.length; at += PIECE) {
    const codes = Uint16Array.from(bytes.subarray(at, at + PIECE), toCode);
    text += String.fromCharCode(...codes);
  }
  return text;
}

function toCode(byte: number): number {
  return byte >= 0x80 && byte <= 0x9f ? UPPER.charCodeAt(byte - 0x80) : byte;
}
