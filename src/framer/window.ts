// Window: the received bytes that are not cut yet; those at the front lie together in one array.

/*
 * What it must do: hold the bytes that arrived and were not cut yet, show the first of them in one array, find a byte
 * in all of them, and drop the first n, again and again.
 *
 * Goals
 * - Linear time for any chunking, from 1-byte chunks to one chunk of everything. No byte is searched twice for the same
 *   delimiter, and cutting a frame never moves the bytes after it.
 * - A frame that lies in one chunk is a view of it. Another one is joined once, in an array of its own length, when its
 *   end is known. No byte of an array is written twice, so a frame is the caller's to keep.
 * - Memory in proportion to the bytes held: a small chunk that waits is copied into an array with room for more, because
 *   an array of its own costs some 200 bytes.
 *
 * Plan
 *
 *   bytes  [ cut | held ........... ]          chunks  [ chunk ] [ chunk ] [ chunk ]
 *                ^start    ^scanned                       ^taken: so much of the first is in `bytes` already
 *
 * - A chunk becomes the front as it is. `reach(n)` copies as much as is missing from the chunks after it.
 * - As soon as all that is left of a joined front lies in the next chunk as well, that chunk becomes the front.
 * - `scanned` is how far the search in progress has looked, from the start, also in the chunks after the front.
 * - After a frame that ended at the shorter of two delimiters, the rest of the longer one is awaited: if it comes next, it
 *   is not held at all.
 */
import { concat, indexOfByte, plainBytes, startsWith, TEXT_PAYS_UP_TO } from "../common/bytes.ts";
import { Fifo } from "../common/fifo.ts";
import { decodeLatin1 } from "../common/latin1.ts";

const NOTHING = new Uint8Array(0);

/** A chunk below this is copied where it has to wait. */
const SMALL = 512;
/** The smallest array with room for more. */
const SMALLEST_STORE = 1024;

/** How much of the front becomes text at a time. */
const LEAST_TEXT = 128;
const MOST_TEXT = 16 * 1024;
const CHARACTERS: readonly string[] = Array.from({ length: 256 }, (_, code) => String.fromCharCode(code));

export class Window {
  /** The array at the front: what is held begins at `start`, and lies in it to its end. */
  bytes: Uint8Array = NOTHING;
  start = 0;
  /** How many bytes are held, those after the front included. */
  length = 0;
  /** Up to where, counted from the start, the search in progress has looked. */
  scanned = 0;
  /** How many bytes were taken or dropped so far. */
  consumed = 0;

  readonly #chunks: Fifo<Uint8Array> = new Fifo();
  /** How many bytes of the first chunk are in the front, too. */
  #taken = 0;
  /** The array that the front lies in, if there is room after it, or was the last one with room. */
  #store: Uint8Array = NOTHING;
  /** How much of it is filled. */
  #filled = 0;
  /** Whether the front ends where the filled part does. */
  #isOwn = false;
  /** The chunk that the search has come to, and where it begins, counted from the start. */
  #scannedChunk = 0;
  #scannedFrom = 0;
  /** A part of the front as text, in which a byte is found faster; and where it begins and ends. */
  #text = "";
  #textFrom = 0;
  #textEnd = 0;
  /** How many bytes were dropped last from this front: the next frame may be as long. */
  #lately = Infinity;
  /** The rests of delimiters, the longest first, one of which is dropped if it comes next. */
  #awaited: readonly Uint8Array[] | undefined;
  /** What may be the beginning of such a rest. */
  #undecided: Uint8Array = NOTHING;

  /** How many bytes are held, those included that may be the rest of a delimiter. */
  get buffered(): number {
    return this.length + this.#undecided.length;
  }

  /** Adds a chunk, which must not be written into any more. */
  append(chunk: Uint8Array): void {
    let bytes = plainBytes(chunk);
    if (this.#awaited !== undefined) bytes = this.#dropAwaited(this.#awaited, bytes, false);
    if (bytes.length === 0) return;
    if (this.length === 0) this.#setFront(bytes, 0);
    else if (bytes.length >= SMALL) this.#chunks.push(bytes);
    else this.#appendSmall(bytes);
    this.length += bytes.length;
  }

  /** Settles what was undecided: no more bytes follow, or they are not this window's. */
  settle(): void {
    const awaited = this.#awaited;
    if (awaited === undefined) return;
    const rest = this.#dropAwaited(awaited, NOTHING, true);
    this.#awaited = undefined;
    this.append(rest);
  }

  /** Whether so many bytes are held: then they lie together at the front. */
  reach(count: number): boolean {
    const missing = count - (this.bytes.length - this.start);
    if (missing <= 0) return true;
    if (count > this.length) return false;
    this.#makeRoom(missing);
    this.#pull(missing);
    return true;
  }

  /** Makes the front longer, so that a search goes on in it. Returns whether there was more. */
  extend(): boolean {
    const front = this.bytes.length - this.start;
    return front < this.length && this.reach(Math.min(this.length, Math.max(SMALL, 2 * front)));
  }

  /** Takes the first bytes, which must be in reach, and drops as many after them as `after` says. */
  take(count: number, after: number = 0): Uint8Array {
    const taken = this.bytes.subarray(this.start, this.start + count);
    this.skip(count + after);
    return taken;
  }

  /** The same after the first `before` bytes, which are dropped, too. They need not be in reach, but must be held. */
  takeAfter(before: number, count: number, after: number): Uint8Array {
    if (before > 0) this.skip(before);
    this.reach(count);
    return this.take(count, after);
  }

  /** So many bytes, which must be held, after the first `from`: a view where they lie in one chunk. */
  view(from: number, count: number): Uint8Array {
    const front = this.bytes.length - this.start;
    if (from >= front) {
      let begin = front - this.#taken;
      for (let i = 0; i < this.#chunks.length; i++) {
        const chunk = this.#chunks.at(i)!;
        if (from + count <= begin + chunk.length) {
          return chunk.subarray(from - begin, from - begin + count);
        }
        begin += chunk.length;
        if (from < begin) break;
      }
    }
    this.reach(from + count);
    return this.bytes.subarray(this.start + from, this.start + from + count);
  }

  /** Drops the first bytes, of which there must be as many. A search begins anew after them. */
  skip(count: number): void {
    this.length -= count;
    this.start += count;
    this.consumed += count;
    this.scanned = 0;
    this.#lately = count;
    if (this.start >= this.bytes.length - this.#taken) this.#advance();
  }

  /** Drops all that is held, and returns how many bytes that were. */
  clear(): number {
    const dropped = this.buffered;
    if (this.#undecided.length > 0) {
      this.#undecided = NOTHING;
      this.#awaited = undefined;
    }
    this.skip(this.length);
    return dropped;
  }

  /** A frame ended at the beginning of these delimiters: the rest of one is dropped if it comes next. The longest is the first. */
  expectRest(rests: readonly Uint8Array[]): void {
    const { length } = this;
    if (length === 0) {
      this.#awaited = rests;
      return;
    }
    this.reach(length);
    const held = this.bytes.subarray(this.start);
    this.clear();
    this.consumed -= length;
    this.#awaited = rests;
    this.append(held);
  }

  /**
   * Where the byte is, counted from the start, from `scanned` on. The search goes on in the chunks after the front, which
   * are not joined for it.
   * @returns The distance; -1 if the byte is not held, and all that is held was scanned.
   */
  indexOf(byte: number): number {
    const front = this.bytes.length - this.start;
    if (this.scanned < front) {
      const at = this.#indexInFront(byte, this.start + this.scanned);
      if (at >= 0) return at - this.start;
      this.scanned = front;
    }
    return front === this.length ? -1 : this.#indexInChunks(byte, front);
  }

  /** The last bytes that are held, as many as `most`, or all. */
  tail(most: number): Uint8Array {
    const { last } = this.#chunks;
    if (last !== undefined && last.length - (this.#chunks.length > 1 ? 0 : this.#taken) >= most) {
      return last.subarray(last.length - most);
    }
    this.reach(this.length);
    return this.bytes.subarray(Math.max(this.start, this.bytes.length - most));
  }

  #indexInFront(byte: number, from: number): number {
    for (;;) {
      if (from >= this.#textFrom && from < this.#textEnd) {
        const at = this.#text.indexOf(CHARACTERS[byte]!, from - this.#textFrom);
        if (at >= 0) return this.#textFrom + at;
        from = this.#textEnd;
      }
      const { length } = this.bytes;
      if (this.#lately > TEXT_PAYS_UP_TO || length - from < LEAST_TEXT) {
        return indexOfByte(this.bytes, byte, from);
      }
      this.#textFrom = from;
      this.#textEnd = Math.min(length, from + MOST_TEXT);
      this.#text = decodeLatin1(this.bytes, from, this.#textEnd);
    }
  }

  #indexInChunks(byte: number, front: number): number {
    if (this.scanned === front) {
      this.#scannedChunk = 0;
      this.#scannedFrom = front - this.#taken;
    }
    for (; this.#scannedChunk < this.#chunks.length; this.#scannedChunk++) {
      const chunk = this.#chunks.at(this.#scannedChunk)!;
      const at = indexOfByte(chunk, byte, this.scanned - this.#scannedFrom);
      if (at >= 0) return this.#scannedFrom + at;
      this.#scannedFrom += chunk.length;
      this.scanned = this.#scannedFrom;
    }
    return -1;
  }

  #appendSmall(bytes: Uint8Array): void {
    // After chunks that wait it is joined with them: then there is room for more of its kind.
    const missing = this.length - (this.bytes.length - this.start);
    this.#makeRoom(missing + bytes.length, SMALLEST_STORE);
    if (missing > 0) this.#pull(missing);
    this.#store.set(bytes, this.#filled);
    this.#grow(bytes.length);
  }

  /** Makes the front one that has room. It doubles when it has to grow again, so that a byte is moved a few times at most. */
  #makeRoom(room: number, least: number = 0): void {
    if (this.#isOwn && this.#filled + room <= this.#store.length) return;
    const front = this.bytes.subarray(this.start);
    const needed = front.length + room;
    if (this.#isOwn) least = Math.max(least, 2 * front.length);
    if (this.#filled + needed > this.#store.length || least > SMALLEST_STORE) {
      this.#store = new Uint8Array(Math.max(needed, least));
      this.#filled = 0;
    }
    this.#store.set(front, this.#filled);
    this.start = this.#filled;
    this.#isOwn = true;
    this.#textEnd = 0;
    this.#grow(front.length);
  }

  /** So many bytes were written after the front. */
  #grow(count: number): void {
    this.#filled += count;
    this.bytes = this.#store.subarray(0, this.#filled);
  }

  /** Copies so many bytes from the chunks into the front, which has room. */
  #pull(count: number): void {
    let left = count;
    while (left > 0) {
      const chunk = this.#chunks.first!;
      const piece = this.#taken === 0 && chunk.length <= left
        ? chunk
        : chunk.subarray(this.#taken, this.#taken + left);
      this.#store.set(piece, this.#filled + count - left);
      left -= piece.length;
      this.#taken += piece.length;
      if (this.#taken < chunk.length) break;
      this.#chunks.shift();
      this.#taken = 0;
    }
    this.#grow(count);
  }

  /** Goes on in the next chunk, when all that is left of the front lies in that, too. */
  #advance(): void {
    while (this.#chunks.length > 0 && this.start >= this.bytes.length - this.#taken) {
      const at = this.start - (this.bytes.length - this.#taken);
      this.#taken = 0;
      this.#setFront(this.#chunks.shift()!, at);
    }
    if (this.length === 0) this.#setFront(NOTHING, 0);
  }

  #setFront(bytes: Uint8Array, start: number): void {
    this.bytes = bytes;
    this.start = start;
    this.#isOwn = false;
    // What has room is kept, unless it is large: an idle connection holds no more.
    if (this.#store.length > SMALLEST_STORE) {
      this.#store = NOTHING;
      this.#filled = 0;
    }
    this.#text = "";
    this.#textEnd = 0;
    this.#lately = Infinity;
  }

  /** Drops the awaited rest if it is here, and returns what else is; nothing if more bytes are needed to tell. */
  #dropAwaited(
    awaited: readonly Uint8Array[],
    bytes: Uint8Array,
    isFinal: boolean,
  ): Uint8Array {
    const all = this.#undecided.length === 0 ? bytes : concat(this.#undecided, bytes);
    this.#undecided = NOTHING;
    if (all.length === 0) return all;
    const length = restIn(all, 0, awaited, isFinal);
    if (length < 0) {
      this.#undecided = all;
      return NOTHING;
    }
    this.#awaited = undefined;
    return all.subarray(length);
  }
}

/**
 * How long the rest of a delimiter is that lies after the first `from` bytes held; 0 if none does, and -1 if more bytes are
 * needed to tell.
 * @param rests The rests that there may be, the longest first.
 * @param isFinal Whether no more bytes are to come.
 */
export function restHere(
  window: Window,
  from: number,
  rests: readonly Uint8Array[],
  isFinal: boolean,
): number {
  window.reach(Math.min(window.length, from + rests[0]!.length));
  return restIn(window.bytes, window.start + from, rests, isFinal);
}

function restIn(
  bytes: Uint8Array,
  at: number,
  rests: readonly Uint8Array[],
  isFinal: boolean,
): number {
  const here = bytes.length - at;
  for (const rest of rests) {
    if (!startsWith(bytes, at, rest, Math.min(rest.length, here))) continue;
    if (rest.length <= here) return rest.length;
    if (!isFinal) return -1;
  }
  return 0;
}
