import { delimited, type Framing, MalformedFrameError } from "../../mod.ts";
import { addValue, encodeCommand, join, type Piece } from "./encode.ts";
import { parseInline } from "./inline.ts";
import { Push, RespError, type Value } from "./value.ts";

const LINE = delimited("\r\n");
/** Inline commands come from people, whose terminals send `\n` alone. */
const INLINE = delimited("\n");
/** As many elements as Redis takes in a command. */
const MOST_ELEMENTS = 1024 * 1024;
/** The longest line: nothing that stands in one is longer, save strings, errors and inline commands. */
const LONGEST_LINE = 64 * 1024;
/** How deep values may lie in others: Redis itself goes no deeper than 7. */
const DEEPEST = 32;

const [CR, NEWLINE, DOLLAR, STAR] = [13, 10, 36, 42];

const text = new TextDecoder();

/**
 * What a server sends: each message is one value, with all values in it. Bytes in it are views of what was received.
 *
 * ```text
 *   line ──▶ "+", "-", ":", ...    a value
 *    ▲  ├──▶ "$5", "=7", "!9"      5 bytes and "\r\n": a value
 *    │  └──▶ "*3", "%2", "|1"      a group begins, of 3 values, or of 2 keys and 2 values
 *    │
 *    └── until the group has them all: then it is a value of the group around it
 * ```
 */
export const replies: Framing<Value> = {
  *decode() {
    const around: Group[] = [];
    let group = new Group("*", 1);
    for (let missing = 1;;) {
      const line = yield LINE;
      const type = String.fromCharCode(line[0] ?? CR);
      missing--;
      switch (type) {
        case "$":
        case "!":
        case "=": {
          const length = lengthOf(line);
          group.values.push(length < 0 ? null : toBulk(type, withoutEnd(yield length + 2)));
          break;
        }
        case "*":
        case "~":
        case ">":
        case "%":
        case "|":
          around.push(group);
          group = new Group(type, checkCount(numberOf(line), line));
          missing += Math.max(0, group.size) + (type === "|" ? 1 : 0);
          if (missing > MOST_ELEMENTS) {
            throw new MalformedFrameError("a value has too many elements");
          }
          if (around.length > DEEPEST) {
            throw new MalformedFrameError(`values lie more than ${DEEPEST} deep`);
          }
          break;
        default:
          group.values.push(toScalar(type, line));
      }
      while (group.values.length >= group.size) {
        const outer = around.pop();
        if (outer === undefined) return { message: group.values[0]! };
        // What is told about a value comes before it, and is passed over.
        if (group.type !== "|") outer.values.push(toValue(group));
        group = outer;
      }
    }
  },
  encode(value) {
    const pieces: Piece[] = [];
    addValue(pieces, value, 3);
    return join(pieces);
  },
  takesText: true,
};

/** What a client sends: each message is the words of one command, which came as an array of bytes or as a line. */
export const commands: Framing<Uint8Array[]> = {
  *decode() {
    const line = yield INLINE;
    if (line[0] !== STAR) {
      const words = parseInline(text.decode(checked(line)));
      return words.length > 0 ? { message: words } : undefined;
    }
    const words: Uint8Array[] = [];
    const end = line.length - 1;
    const count = line[end] === CR ? numberOf(line, end) : NaN;
    for (let missing = checkCount(count, line); missing > 0; missing--) {
      const header = yield LINE;
      if (header[0] !== DOLLAR) {
        const got = String.fromCharCode(header[0] ?? CR);
        throw new MalformedFrameError(`expected '$', got '${got}'`, { bytes: header });
      }
      const length = lengthOf(header);
      if (length < 0) throw new MalformedFrameError("invalid bulk length", { bytes: header });
      words.push(withoutEnd(yield length + 2));
    }
    return words.length > 0 ? { message: words } : undefined;
  },
  encode: (words) => join(encodeCommand(words)),
};

/** Values that belong together, as they come. */
class Group {
  readonly type: "*" | "~" | ">" | "%" | "|";
  readonly values: Value[] = [];
  /** How many values it has when it is whole: less than zero if it is null. */
  readonly size: number;

  /** @param count What the line says: how many values, or pairs. */
  constructor(type: Group["type"], count: number) {
    this.type = type;
    this.size = type === "%" || type === "|" ? 2 * count : count;
  }
}

function toValue({ type, values, size }: Group): Value {
  if (size < 0) return null;
  if (type === "*") return values;
  if (type === "~") return new Set(values);
  if (type === ">") return new Push(values);
  const map = new Map<Value, Value>();
  for (let at = 0; at < size; at += 2) {
    const key = values[at]!;
    // Bytes that are the same are the same key, and only text can be.
    map.set(key instanceof Uint8Array ? text.decode(key) : key, values[at + 1]!);
  }
  return map;
}

function toScalar(type: string, line: Uint8Array): Value {
  switch (type) {
    case "+":
      return textOf(checked(line));
    case "-":
      return new RespError(textOf(checked(line)));
    case ":":
      return toInteger(textOf(line));
    case ",":
      return toDouble(textOf(line));
    case "(":
      return toBig(textOf(line));
    case "#":
      return toBoolean(textOf(line));
    case "_":
      return null;
    default:
      throw new MalformedFrameError(`no value begins with ${quote(line)}`, { bytes: line });
  }
}

function toBulk(type: "$" | "!" | "=", bytes: Uint8Array): Value {
  if (type === "$") return bytes;
  const decoded = text.decode(bytes);
  return type === "!" ? new RespError(decoded) : decoded.slice("txt:".length);
}

/** The bytes that a `$5` announces, without the end of line behind them. */
function withoutEnd(bytes: Uint8Array): Uint8Array {
  const length = bytes.length - 2;
  if (bytes[length] === CR && bytes[length + 1] === NEWLINE) return bytes.subarray(0, length);
  throw new MalformedFrameError(`${length} bytes must end with "\\r\\n"`);
}

/** How many bytes a `$5` announces; -1 is null. */
function lengthOf(line: Uint8Array): number {
  const length = numberOf(line);
  if (!Number.isNaN(length)) return length;
  throw new MalformedFrameError("invalid bulk length", { bytes: line });
}

/** How many elements a `*3` announces; -1 is null. */
function checkCount(count: number, line: Uint8Array): number {
  if (count <= MOST_ELEMENTS) return count;
  throw new MalformedFrameError("invalid multibulk length", { bytes: line });
}

/** The number in a line such as `$5`: digits, or -1; `NaN` if it is neither, or beyond what anybody means. */
function numberOf(line: Uint8Array, end: number = line.length): number {
  if (end === 3 && line[1] === 45 && line[2] === 49) return -1;
  let number = end > 1 ? 0 : NaN;
  for (let at = 1; at < end; at++) {
    const digit = line[at]! - 48;
    if (digit < 0 || digit > 9 || number > MOST_ELEMENTS * 1024) return NaN;
    number = 10 * number + digit;
  }
  return number;
}

function checked(line: Uint8Array): Uint8Array {
  if (line.length <= LONGEST_LINE) return line;
  throw new MalformedFrameError("too big inline request");
}

const textOf = (line: Uint8Array): string => text.decode(line.subarray(1));

function toInteger(line: string): number | bigint {
  if (!/^[+-]?\d{1,20}$/.test(line)) throw malformed("a whole number", line);
  const number = Number(line);
  return Number.isSafeInteger(number) ? number : BigInt(line);
}

function toBig(line: string): bigint {
  if (!/^[+-]?\d{1,5000}$/.test(line)) throw malformed("a whole number", line);
  return BigInt(line);
}

function toDouble(line: string): number {
  const special =
    { inf: Infinity, "+inf": Infinity, "-inf": -Infinity, nan: NaN }[line.toLowerCase()];
  if (special !== undefined) return special;
  if (!/^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i.test(line)) throw malformed("a number", line);
  return Number(line);
}

function toBoolean(line: string): boolean {
  if (line !== "t" && line !== "f") throw malformed("t or f", line);
  return line === "t";
}

function malformed(expected: string, line: string): MalformedFrameError {
  return new MalformedFrameError(`expected ${expected}, not ${JSON.stringify(line.slice(0, 40))}`);
}

const quote = (line: Uint8Array): string => JSON.stringify(text.decode(line.subarray(0, 20)));
