// Frames that end with a delimiter: how it is found, and what may be sent.

import {
  bytesOf,
  concat,
  copyOf,
  type Data,
  describeBytes,
  indexOfByte,
  longestMatch,
  startsWith,
  toBytes,
} from "../common/bytes.ts";
import { checkBoolean, checkOptions, type OptionNames, typeName } from "../common/checks.ts";
import { decodeLatin1, type Encoding } from "../common/latin1.ts";
import { FrameInjectionError, withHint } from "../errors.ts";
import { DELIMITED, type DelimitedCodec, type Portion } from "./framing.ts";
import type { Window } from "./window.ts";

type Delimiter = string | Uint8Array;
type Flags = Required<Pick<DelimitedCodec, "keep" | "orEnd">>;

/** What `delimited()`, `anyOf()` and `lines()` take. */
export type DelimitedOptions = { readonly [Name in keyof Flags]?: boolean | undefined };

/**
 * Of several delimiters the one that begins first ends the frame, and of those that begin there the longest. A search that
 * found none goes on at the first place where what is held may begin one. A program's delimiters are short, so each byte
 * costs a bounded time, whatever the peer sends.
 *
 * ```text
 *   "OK\r" is held, "\r" and "\r\n" are delimiters:     the frame is "OK", and a "\n" that comes next is dropped
 *   "OK\r\n" is held:                                   the frame is "OK", ended by the longer one
 * ```
 *
 * Equal rules are the same object: {@linkcode readyRule} makes each once.
 */
export class DelimitedFraming implements DelimitedCodec {
  readonly kind: typeof DELIMITED = DELIMITED;
  readonly keep: boolean;
  readonly orEnd: boolean;
  /** In the order given: the first is the one to send. */
  readonly patterns: readonly Uint8Array[];
  /** The byte that ends the only one, or that ends them all, if none has it anywhere else; -1 otherwise. */
  readonly last: number;
  /** Whether they are ASCII throughout: then text ends where its bytes do. */
  readonly isAscii: boolean;
  /** `last` as a character. */
  readonly lastCharacter: string;
  readonly longest: number;
  /** How long the delimiter is that was found last, and what makes a longer one of it, if it was not waited for. */
  found = 0;
  rests: readonly Uint8Array[] | undefined;

  readonly #longestFirst: readonly Uint8Array[];
  /** By the first byte, the longest first. */
  readonly #byFirst: (Uint8Array[] | undefined)[] = new Array(256).fill(undefined);
  /** Whether any begins with the byte: an array of bytes is looked at faster. */
  readonly #begins: Uint8Array = new Uint8Array(256);
  /** The byte that all of them begin with; -1 if there are several. */
  readonly #first: number;
  /** What it was made of: a string may be other bytes in another encoding. */
  readonly #sources: readonly Delimiter[];

  constructor(
    patterns: readonly Uint8Array[],
    { keep, orEnd }: Flags,
    sources: readonly Delimiter[],
  ) {
    this.keep = keep;
    this.orEnd = orEnd;
    this.patterns = patterns;
    this.#sources = sources;
    this.isAscii = patterns.every(isAscii);
    this.#longestFirst = patterns.toSorted((a, b) => b.length - a.length);
    this.longest = this.#longestFirst[0]!.length;
    for (const pattern of this.#longestFirst) {
      (this.#byFirst[pattern[0]!] ??= []).push(pattern);
      this.#begins[pattern[0]!] = 1;
    }
    const first = patterns[0]![0]!;
    this.#first = patterns.every((pattern) => pattern[0] === first) ? first : -1;
    const last = patterns[0]!.at(-1)!;
    const isOnlyLast = (pattern: Uint8Array): boolean =>
      pattern.indexOf(last) === pattern.length - 1;
    this.last = patterns.length === 1 || patterns.every(isOnlyLast) ? last : -1;
    this.lastCharacter = String.fromCharCode(last);
  }

  /**
   * The same rule where strings are of that encoding.
   * @throws {RangeError} If one has a character that the encoding lacks.
   */
  in(encoding: Encoding): DelimitedFraming {
    if (encoding === "utf-8" || this.isAscii) return this;
    return readyRule(this.#sources, { keep: this.keep, orEnd: this.orEnd }, encoding);
  }

  /**
   * Searches after the first `from` bytes. `found` and `rests` tell of the delimiter.
   * @param isFinal Whether no more bytes are to come.
   * @returns How many bytes come before the delimiter; or -1, and `scanned` of the window says how far was looked.
   */
  search(window: Window, from: number, isFinal: boolean): number {
    if (window.scanned < from) window.scanned = from;
    return this.last >= 0 ? this.#searchLast(window, from) : this.#searchAny(window, from, isFinal);
  }

  /** Most delimiters end with the same byte: where that is not, none ends. */
  #searchLast(window: Window, from: number): number {
    for (;;) {
      const at = window.indexOf(this.last);
      if (at < 0) return -1;
      const length = this.longest === 1 ? 1 : this.#lengthEndingAt(window, from, at);
      if (length > 0) {
        this.found = length;
        this.rests = undefined;
        return at + 1 - length - from;
      }
      window.scanned = at + 1;
    }
  }

  #lengthEndingAt(window: Window, from: number, at: number): number {
    const { bytes, start } = window;
    const end = start + at + 1;
    if (end <= bytes.length) return this.lengthBefore(bytes, start + from, end);
    const count = Math.min(this.longest, at + 1 - from);
    return this.lengthBefore(window.view(at + 1 - count, count), 0, count);
  }

  #searchAny(window: Window, from: number, isFinal: boolean): number {
    while (window.scanned < window.length) {
      const part = window.unscanned;
      const begin = window.scanned;
      const isLast = begin + part.length === window.length;
      for (
        let at = this.#nextBegin(part, 0);
        at < part.length;
        at = this.#nextBegin(part, at + 1)
      ) {
        const candidates = this.#byFirst[part[at]!]!;
        let length = longestMatch(part, at, candidates, isLast && isFinal);
        this.rests = undefined;
        if (length < 0) length = this.#lengthAcross(window, begin + at, candidates, isFinal);
        window.scanned = begin + at;
        if (length < 0) return -1;
        if (length === 0) continue;
        this.found = length;
        return begin + at - from;
      }
      window.scanned = begin + part.length;
    }
    return -1;
  }

  /** Where the next byte is that a delimiter begins with; the end if there is none. */
  #nextBegin(bytes: Uint8Array, from: number): number {
    if (this.#first >= 0) {
      const at = indexOfByte(bytes, this.#first, from);
      return at < 0 ? bytes.length : at;
    }
    const { length } = bytes;
    const begins = this.#begins;
    let at = from;
    while (at < length && begins[bytes[at]!] === 0) at++;
    return at;
  }

  /** How long the delimiter is that begins there, and may lie in several chunks; 0 if none does, and -1 if more decides. */
  #lengthAcross(
    window: Window,
    at: number,
    candidates: readonly Uint8Array[],
    isFinal: boolean,
  ): number {
    const here = Math.min(this.longest, window.length - at);
    const bytes = window.view(at, here);
    const isAll = at + here === window.length;
    const length = longestMatch(bytes, 0, candidates, isAll && isFinal);
    if (length >= 0 || this.keep) return length;
    // Nothing more is here: a shorter delimiter that ends here ends the frame.
    this.rests = restsAfter(bytes, candidates);
    return this.rests === undefined ? -1 : here;
  }

  /** How many bytes after the first `from` are known to come before any delimiter, if none was found. */
  before(window: Window, from: number): number {
    const held = window.length - from;
    if (this.longest === 1) return held;
    const tail = window.tail(Math.min(this.longest - 1, held));
    return held - tail.length + this.#firstIn(tail).at;
  }

  *decode(): Generator<Portion, Uint8Array, Uint8Array> {
    return yield this;
  }

  encode(payload: Data): Uint8Array {
    const bytes = toBytes("payload", payload);
    if (this.keep) return this.#encodeKept(bytes);
    const delimiter = this.patterns[0]!;
    const frame = concat(bytes, delimiter);
    // No delimiter may begin in the payload, nor may one that ends in what is sent after it.
    const { at } = this.#firstIn(frame);
    if (at < bytes.length) throw injection(bytes, at);
    // Nor may the delimiter of the frame before become a longer one by what follows it.
    const first = this.#firstIn(concat(delimiter, bytes.subarray(0, this.longest), delimiter));
    if (first.at === 0 && first.length === delimiter.length) return frame;
    throw injection(bytes, 0);
  }

  #encodeKept(payload: Uint8Array): Uint8Array {
    const { at, length } = this.#firstIn(payload);
    if (length === 0) {
      throw new FrameInjectionError(
        `the payload ${describeBytes(payload)} must end with its delimiter, as keep is set, ` +
          "and with one that nothing makes longer",
      );
    }
    if (at + length !== payload.length) throw injection(payload, at);
    return copyOf(payload);
  }

  /** The first place where a delimiter is, or where one begins that the bytes do not end: then its length is 0. */
  #firstIn(bytes: Uint8Array): { at: number; length: number } {
    for (let at = 0; at < bytes.length; at++) {
      const candidates = this.#byFirst[bytes[at]!];
      const length = candidates === undefined ? 0 : longestMatch(bytes, at, candidates, false);
      if (length !== 0) return { at, length: Math.max(0, length) };
    }
    return { at: bytes.length, length: 0 };
  }

  /** How long the longest delimiter is that ends before `end`, and begins at `begin` or after it; or 0. */
  lengthBefore(bytes: Uint8Array, begin: number, end: number): number {
    for (const pattern of this.#longestFirst) {
      const at = end - pattern.length;
      if (at >= begin && startsWith(bytes, at, pattern, pattern.length)) return pattern.length;
    }
    return 0;
  }
}

/** What makes longer delimiters of one that is here as a whole, and ends what is held; `undefined` if none is. */
function restsAfter(
  delimiter: Uint8Array,
  candidates: readonly Uint8Array[],
): readonly Uint8Array[] | undefined {
  const { length } = delimiter;
  const longer = candidates.filter((pattern) => startsWith(pattern, 0, delimiter, length));
  if (longer.at(-1)?.length !== length) return undefined;
  return longer.slice(0, -1).map((pattern) => pattern.subarray(length));
}

function injection(payload: Uint8Array, at: number): FrameInjectionError {
  const error = new FrameInjectionError(
    `the payload ${describeBytes(payload)} would be read as more than one frame, or as another: ` +
      `with what is sent around it, it forms a delimiter at byte ${at}`,
  );
  return withHint(error, "escape it, or use a framing that says a length");
}

/*
 * A rule costs a microsecond and 2 KB to make, and a program makes the same few again and again: one for each chat, or for
 * each frame. Each is made once, and found by its delimiters, however they are written.
 */
const ready: Map<string, DelimitedFraming> = new Map();
/** The rules of one string: they are found without its bytes. */
const readyTexts: Map<string, DelimitedFraming> = new Map();
const MOST_READY = 256;
/** The rule of what is longer is made each time: a program could make any number of them. */
const LONGEST_KEY = 256;
/** Single bytes: they are found without a key. */
const readyBytes: (DelimitedFraming | undefined)[] = [];

const OPTIONS: OptionNames<DelimitedOptions> = { keep: 1, orEnd: 1 };

/**
 * The rule that such delimiters make.
 * @throws {TypeError} If one is empty, or neither a string nor bytes, or an option is wrong.
 * @throws {RangeError} If a string has a character that the encoding lacks.
 */
export function readyRule(
  delimiters: readonly Delimiter[],
  options: DelimitedOptions,
  encoding: Encoding = "utf-8",
): DelimitedFraming {
  const { keep = false, orEnd = false } = checkOptions(options, OPTIONS);
  checkBoolean("keep", keep);
  checkBoolean("orEnd", orEnd);
  const patterns = delimiters.map((delimiter) => checkDelimiter(delimiter, encoding));
  let key = `${keep} ${orEnd}`;
  for (const [i, pattern] of patterns.entries()) {
    // Text that is not ASCII is other bytes in another encoding.
    const isText = typeof delimiters[i] === "string" && !isAscii(pattern);
    key += ` ${isText ? encoding : ""}[${pattern.length}]${decodeLatin1(pattern)}`;
  }
  return ready.get(key) ??
    remember(ready, key, new DelimitedFraming(patterns, { keep, orEnd }, delimiters));
}

/** The string that was asked for last: where it and a count are set in turns, a pair takes 115 ns instead of 125 on Node. */
let lastText: string | undefined;
let lastRule: DelimitedFraming;

/** The rule of one delimiter, as most are. It throws as `readyRule()` does. */
export function readyDelimiter(delimiter: Delimiter, encoding: Encoding): DelimitedFraming {
  if (typeof delimiter === "string") {
    if (delimiter !== lastText) {
      lastRule = readyTexts.get(delimiter) ??
        remember(readyTexts, delimiter, readyRule([delimiter], {}));
      lastText = delimiter;
    }
    return lastRule.in(encoding);
  }
  const bytes = bytesOf(delimiter);
  if (bytes?.length !== 1) return readyRule([delimiter], {});
  return readyBytes[bytes[0]!] ??= readyRule([bytes], {});
}

function remember(
  rules: Map<string, DelimitedFraming>,
  key: string,
  rule: DelimitedFraming,
): DelimitedFraming {
  if (rules.size === MOST_READY) rules.clear();
  if (key.length <= LONGEST_KEY) rules.set(key, rule);
  return rule;
}

function isAscii(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte < 0x80);
}

function checkDelimiter(delimiter: Delimiter, encoding: Encoding): Uint8Array {
  const bytes = Uint8Array.from(toBytes("a delimiter", delimiter, encoding));
  if (bytes.length > 0) return bytes;
  throw new TypeError(
    `a delimiter must be at least one byte long, not an empty ${typeName(delimiter)}`,
  );
}
