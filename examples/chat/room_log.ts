import type { Said } from "./event.ts";

/** What a room remembers: so many lines, of so many characters in all. */
const MOST_LINES = 50;
const MOST_CHARACTERS = 32 * 1024;

/**
 * The last lines of a room, each once, in the order of their time, and so also of each server.
 *
 * Lines come in two ways: live, each server's in order, and from the memory of other servers, for the time when this one did not
 * listen. A line may come both ways.
 */
export class RoomLog {
  #lines: Said[] = [];
  /** The number of the last line that came live, by the server. */
  readonly #last: Map<string, number> = new Map();
  /** Those that were remembered by others, and may still come live. */
  readonly #early: Set<string> = new Set();

  get lines(): readonly Said[] {
    return this.#lines;
  }

  /** Takes a line that comes live. Returns whether it is new. */
  add(said: Said): boolean {
    const { server, number } = said;
    if (number > (this.#last.get(server) ?? -1)) this.#last.set(server, number);
    if (this.#early.delete(idOf(said))) return false;
    this.#lines.push(said);
    this.#trim();
    return true;
  }

  /** Takes what others remember. Returns what of it is new, in order. */
  merge(remembered: readonly Said[]): Said[] {
    this.#early.clear();
    const fresh = remembered.toSorted(inOrder).filter((said) => {
      const id = idOf(said);
      if (this.#early.has(id) || said.number <= (this.#last.get(said.server) ?? -1)) return false;
      this.#early.add(id);
      return true;
    });
    this.#lines = [...this.#lines, ...fresh].sort(inOrder);
    this.#trim();
    return fresh;
  }

  #trim(): void {
    let [lines, characters] = [0, 0];
    for (const { words } of this.#lines.toReversed()) {
      characters += words.length;
      if (lines === MOST_LINES || (characters > MOST_CHARACTERS && lines > 0)) break;
      lines++;
    }
    if (lines < this.#lines.length) this.#lines = this.#lines.slice(-lines);
  }
}

function idOf({ server, number }: Said): string {
  return `${server} ${number}`;
}

function inOrder(one: Said, other: Said): number {
  return one.time - other.time || compare(one.server, other.server) || one.number - other.number;
}

function compare(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
