import { MalformedFrameError } from "../../mod.ts";
import { ARRAY, CR, NEWLINE } from "./framing.ts";
import { Push, RespError, type Value } from "./value.ts";

/** How deep values may lie in others: Redis itself goes no deeper than 7. */
const DEEPEST = 32;

const text = new TextDecoder();

/** The value in a frame of `replies`. What is told about values (`|`) is passed over. */
export function parseValue(frame: Uint8Array): Value {
  return new Parser(frame).value(0);
}

/**
 * The words of a frame of `commands`: none, if a person has sent an empty line. They are views of the frame.
 * @throws {MalformedFrameError} If quotes of an inline command do not match.
 */
export function parseCommand(frame: Uint8Array): Uint8Array[] {
  if (frame[0] !== ARRAY) return parseInline(text.decode(frame));
  const parser = new Parser(frame);
  const words: Uint8Array[] = [];
  for (let missing = parser.header(); missing > 0; missing--) {
    words.push(parser.bytes(parser.header()));
  }
  return words;
}

/** Reads a frame from its beginning to its end: the framing has seen to it that all is there. */
class Parser {
  readonly #frame: Uint8Array;
  #at = 0;

  constructor(frame: Uint8Array) {
    this.#frame = frame;
  }

  value(depth: number): Value {
    if (depth > DEEPEST) throw new MalformedFrameError(`values lie more than ${DEEPEST} deep`);
    const type = String.fromCharCode(this.#frame[this.#at]!);
    switch (type) {
      case "+":
        return this.#line();
      case "-":
        return new RespError(this.#line());
      case ":":
        return toInteger(this.#line());
      case ",":
        return toDouble(this.#line());
      case "(":
        return toBig(this.#line());
      case "#":
        return toBoolean(this.#line());
      case "_":
        this.#line();
        return null;
      case "$": {
        const length = this.header();
        return length < 0 ? null : this.bytes(length);
      }
      case "!":
        return new RespError(text.decode(this.bytes(this.header())));
      case "=":
        return text.decode(this.bytes(this.header())).slice("txt:".length);
      case "*": {
        const count = this.header();
        return count < 0 ? null : this.#values(count, depth);
      }
      case "~":
        return new Set(this.#values(this.header(), depth));
      case ">":
        return new Push(this.#values(this.header(), depth));
      case "%":
        return this.#map(depth);
      default: // "|": what follows it is the value
        this.#map(depth);
        return this.value(depth + 1);
    }
  }

  /** The number of a line such as `$5`. */
  header(): number {
    let number = 0;
    let sign = 1;
    for (let at = ++this.#at;; at++) {
      const byte = this.#frame[at]!;
      if (byte === CR) {
        this.#at = at + 2;
        return sign * number;
      }
      if (byte === MINUS) sign = -1;
      else number = 10 * number + byte - ZERO;
    }
  }

  bytes(length: number): Uint8Array {
    const bytes = this.#frame.subarray(this.#at, this.#at + length);
    this.#at += length + 2;
    return bytes;
  }

  #values(count: number, depth: number): Value[] {
    const values: Value[] = [];
    for (let missing = count; missing > 0; missing--) values.push(this.value(depth + 1));
    return values;
  }

  #map(depth: number): Map<Value, Value> {
    const map = new Map<Value, Value>();
    for (let missing = this.header(); missing > 0; missing--) {
      const key = this.value(depth + 1);
      // Bytes that are the same are the same key, and only text can be.
      map.set(key instanceof Uint8Array ? text.decode(key) : key, this.value(depth + 1));
    }
    return map;
  }

  #line(): string {
    const start = ++this.#at;
    let end = this.#frame.indexOf(CR, start);
    while (this.#frame[end + 1] !== NEWLINE) end = this.#frame.indexOf(CR, end + 1);
    this.#at = end + 2;
    return text.decode(this.#frame.subarray(start, end));
  }
}

const [MINUS, ZERO] = [45, 48];

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

const encoder = new TextEncoder();
/** A word, or one in quotes: in double ones `\"`, `\\`, `\n`, `\r`, `\t` and `\x00` stand for what cannot stand there. */
const WORD = /\s*(?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([^\s"']+))(?=\s|$)/ys;
const ESCAPES: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t", b: "\b", a: "\x07" };

function parseInline(line: string): Uint8Array[] {
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
