// The delimiters of frames, and the automaton that finds them.

import { areEqual } from "../common/bytes.ts";

/**
 * One or more byte strings that end frames, prepared for a search that never looks back.
 *
 * The search is Aho and Corasick's (of a single byte string: Knuth, Morris and Pratt's). The byte strings form a trie,
 * whose nodes are the states of the search; a state says which beginnings of byte strings the bytes so far end with.
 *
 *     "\r\n" and "\n":     (0) ──\r──▶ (1) ──\n──▶ (2)*       * a byte string ends here
 *                          (0) ──\n──▶ (3)*                   fallback: 2 ──▶ 3, all others ──▶ 0
 *
 * When no edge leads on, the state falls back to the longest shorter beginning that the bytes end with as well. So each
 * received byte is looked at in order, the only memory between two chunks is the state, and input that nearly matches
 * all along ("aaaa...ab") costs no more than any other.
 */
export class Delimiters {
  /** The byte strings themselves, each at least one byte long. */
  readonly patterns: readonly Uint8Array[];
  /** Whether a byte string begins with the byte. */
  readonly begins: Uint8Array = new Uint8Array(256);
  /** The byte that they all begin with, or -1. */
  readonly first: number;
  /** The byte that they all end with, if none has it anywhere else: where it is not, none ends. Otherwise -1. */
  readonly last: number;
  /** The same as a character, if all are ASCII; otherwise empty. */
  readonly lastCharacter: string;
  /** How long the longest is. */
  readonly longest: number;
  /** By state: how many bytes are matched. */
  readonly depth: number[] = [0];
  /** By state: how long the longest byte string is that ends here, or 0. */
  readonly matched: number[] = [0];
  /**
   * By state: whether a match that ends here might be replaced by one that begins no later and ends later. (One that is
   * under way has the longest beginning, so the state is on its path.)
   */
  readonly mayGrow: boolean[] = [false];

  /** From `256 * state + byte` to the next state. */
  readonly #edges: Map<number, number> = new Map();
  /** By state: the state of the longest proper ending of what is matched. */
  readonly #fallback: number[] = [0];

  /** @param patterns At least one, of at least one byte each; copied, so that the caller may change its own. */
  constructor(patterns: readonly Uint8Array[]) {
    this.patterns = patterns.map((pattern) => Uint8Array.from(pattern));
    const edges: Edge[] = [];
    for (const pattern of this.patterns) this.#insert(pattern, edges);
    this.#link(edges);

    const firsts = new Set(this.patterns.map((pattern) => pattern[0]!));
    for (const byte of firsts) this.begins[byte] = 1;
    this.first = firsts.size === 1 ? [...firsts][0]! : -1;
    const last = this.patterns[0]!.at(-1)!;
    const isLastOnly = (pattern: Uint8Array): boolean =>
      pattern.every((byte, at) => byte === last === (at === pattern.length - 1));
    this.last = this.patterns.every(isLastOnly) ? last : -1;
    const isAscii = this.patterns.every((pattern) => pattern.every((byte) => byte < 0x80));
    this.lastCharacter = isAscii && this.last >= 0 ? String.fromCharCode(last) : "";
    this.longest = Math.max(...this.patterns.map(({ length }) => length));
  }

  /** How long the longest byte string is that ends with the byte at `end`, and begins at `start` or behind it; or 0. */
  lengthBefore(bytes: Uint8Array, start: number, end: number): number {
    if (this.longest === 1) return 1;
    let longest = 0;
    for (const pattern of this.patterns) {
      if (pattern.length > longest && endsAt(pattern, bytes, start, end)) longest = pattern.length;
    }
    return longest;
  }

  /** The state after `byte` follows in `state`. */
  step(state: number, byte: number): number {
    for (let from = state;; from = this.#fallback[from]!) {
      const to = this.#edges.get(256 * from + byte);
      if (to !== undefined) return to;
      if (from === 0) return 0;
    }
  }

  /** Whether both are the same byte strings, in the same order. */
  equals(other: Delimiters): boolean {
    return this.patterns.length === other.patterns.length &&
      this.patterns.every((pattern, i) => areEqual(pattern, other.patterns[i]!));
  }

  #insert(pattern: Uint8Array, edges: Edge[]): void {
    let state = 0;
    for (const byte of pattern) {
      let next = this.#edges.get(256 * state + byte);
      if (next === undefined) {
        next = this.depth.push(this.depth[state]! + 1) - 1;
        this.#edges.set(256 * state + byte, next);
        this.matched.push(0);
        this.mayGrow.push(false);
        this.mayGrow[state] = true;
        edges.push({ from: state, byte, to: next });
      }
      state = next;
    }
    this.matched[state] = pattern.length;
  }

  /** Finds each state's fallback, the shallow states first, since a fallback is always shallower. */
  #link(edges: Edge[]): void {
    edges.sort((a, b) => this.depth[a.to]! - this.depth[b.to]!);
    for (const { from, byte, to } of edges) {
      const fallback = from === 0 ? 0 : this.step(this.#fallback[from]!, byte);
      this.#fallback[to] = fallback;
      this.matched[to] ||= this.matched[fallback]!;
    }
  }
}

/** A byte that leads from one state to another. */
interface Edge {
  readonly from: number;
  readonly byte: number;
  readonly to: number;
}

/** Whether `pattern` ends with the byte at `end`, and begins at `start` or behind it. */
function endsAt(pattern: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  const begin = end + 1 - pattern.length;
  if (begin < start) return false;
  for (let at = pattern.length - 1; at >= 0; at--) {
    if (bytes[begin + at] !== pattern[at]) return false;
  }
  return true;
}
