import {
  delimited,
  type FrameLayout,
  type Framing,
  lines,
  MalformedFrameError,
  type Portion,
} from "../../mod.ts";

const LINE = delimited("\r\n");
/** Inline commands come from people, whose terminals send `\n` alone. */
const INLINE = lines({ keep: true });
/** As many elements as Redis takes in a command. */
const MOST_ELEMENTS = 1024 * 1024;
/** The longest line: nothing that stands in one is longer, save strings, errors and inline commands. */
const LONGEST_LINE = 64 * 1024;

export const ARRAY: number = 42; // *
export const CR: number = 13;
export const NEWLINE: number = 10;
const BULK = 36; // $

/**
 * What a server sends: each frame is one whole value, with all values in it.
 *
 * ```text
 *   missing = 1 ──▶ line ──▶ "+", "-", ":", ...   nothing more              ──▶ missing - 1
 *                       ├──▶ "$5", "=7", "!9"     5 bytes and "\r\n"        ──▶ missing - 1
 *                       ├──▶ "*3", "~3", ">3"     3 values                  ──▶ missing - 1 + 3
 *                       ├──▶ "%2"                 2 keys and 2 values       ──▶ missing - 1 + 4
 *                       └──▶ "|1"                 as many, and the value    ──▶ missing + 2         until missing = 0
 * ```
 */
export const replies: Framing = {
  *decode(): Generator<Portion, FrameLayout, Uint8Array> {
    let length = 0;
    for (let missing = 1; missing > 0;) {
      const line = yield LINE;
      length += line.length + 2;
      missing--;
      switch (String.fromCharCode(line[0] ?? 0)) {
        case "+":
        case "-":
          checkLine(line);
          break;
        case ":":
        case ",":
        case "(":
        case "#":
        case "_":
          break;
        case "$":
        case "=":
        case "!":
          length += yield* bulk(line);
          break;
        case "*":
        case "~":
        case ">":
          missing += countOf(line);
          break;
        case "%":
          missing += 2 * countOf(line);
          break;
        case "|":
          missing += 2 * countOf(line) + 1;
          break;
        default:
          throw new MalformedFrameError(`no value begins with ${quote(line)}`, line);
      }
      if (missing > MOST_ELEMENTS) throw new MalformedFrameError("a value has too many elements");
    }
    return { skip: 0, length };
  },
};

/** What a client sends: each frame is one command, an array of bytes, or a line of words. */
export const commands: Framing = {
  *decode(): Generator<Portion, FrameLayout, Uint8Array> {
    const [first] = yield 1;
    if (first !== ARRAY) {
      if (first === NEWLINE) return { skip: 0, length: 1 };
      const line = yield INLINE;
      checkLine(line);
      return { skip: 0, length: 1 + line.length };
    }
    const line = yield LINE;
    let length = 1 + line.length + 2;
    for (let missing = numberOf(line, 0, "multibulk"); missing > 0; missing--) {
      const header = yield LINE;
      if (header[0] !== BULK) {
        const got = String.fromCharCode(header[0] ?? 13);
        throw new MalformedFrameError(`expected '$', got '${got}'`, header);
      }
      length += header.length + 2;
      if (numberOf(header, 1, "bulk") < 0) {
        throw new MalformedFrameError("invalid bulk length", header);
      }
      length += yield* bulk(header);
    }
    return { skip: 0, length };
  },
};

/** Reads the bytes that a `$5` announces, and returns how many they are with their end of line. */
function* bulk(line: Uint8Array): Generator<Portion, number, Uint8Array> {
  const length = numberOf(line, 1, "bulk");
  if (length < 0) return 0;
  const bytes = yield length + 2;
  if (bytes[length] !== CR || bytes[length + 1] !== NEWLINE) {
    throw new MalformedFrameError(`${length} bytes must end with "\\r\\n"`);
  }
  return length + 2;
}

/** How many elements a `*3` announces; -1 is null, and has none. */
function countOf(line: Uint8Array): number {
  return Math.max(0, numberOf(line, 1, "multibulk"));
}

/** The number in a line, from a place on: digits, or -1. */
function numberOf(line: Uint8Array, start: number, kind: "bulk" | "multibulk"): number {
  if (line.length === start + 2 && line[start] === 45 && line[start + 1] === 49) return -1;
  let number = 0;
  for (let at = start; at < line.length; at++) {
    const digit = line[at]! - 48;
    if (digit < 0 || digit > 9 || number > MOST_ELEMENTS * 1024) number = NaN;
    number = 10 * number + digit;
  }
  const most = kind === "bulk" ? Infinity : MOST_ELEMENTS;
  if (line.length > start && number <= most) return number;
  throw new MalformedFrameError(`invalid ${kind} length`, line);
}

function checkLine(line: Uint8Array): void {
  if (line.length > LONGEST_LINE) throw new MalformedFrameError("too big inline request");
}

const quote = (line: Uint8Array): string =>
  JSON.stringify(new TextDecoder().decode(line.subarray(0, 20)));
