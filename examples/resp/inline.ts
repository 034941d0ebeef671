import { MalformedFrameError } from "../../mod.ts";

const encoder = new TextEncoder();
/** A word, or one in quotes: in double ones `\"`, `\\`, `\n`, `\r`, `\t` and `\x00` stand for what cannot stand there. */
const WORD = /\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([^\s"']+))(?=\s|$)/ys;
const ESCAPES: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", b: "\b", a: "\x07" };

/**
 * The words of a command that a person has typed: none in an empty line.
 * @throws {MalformedFrameError} If quotes do not match.
 */
export function parseInline(line: string): Uint8Array[] {
  const words: Uint8Array[] = [];
  const trimmed = line.trim();
  WORD.lastIndex = 0;
  while (WORD.lastIndex < trimmed.length) {
    const match = WORD.exec(trimmed);
    if (match === null) throw new MalformedFrameError("unbalanced quotes in request");
    const [, double, single, plain = ""] = match;
    words.push(
      double !== undefined
        ? unescapeBytes(double)
        : encoder.encode(single?.replaceAll("\\'", "'") ?? plain),
    );
  }
  return words;
}

function unescapeBytes(text: string): Uint8Array {
  const parts = text.match(/\\x[\da-f]{2}|\\.|[^\\]+/gis) ?? [];
  return Uint8Array.from(parts.flatMap((part) => {
    if (/^\\x[\da-f]{2}$/i.test(part)) return [parseInt(part.slice(2), 16)];
    if (part.startsWith("\\")) return [...encoder.encode(ESCAPES[part[1]!] ?? part[1]!)];
    return [...encoder.encode(part)];
  }));
}
