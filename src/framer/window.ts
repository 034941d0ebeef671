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
 * - Memory in proportion to the bytes held. An array of its own costs some 200 bytes, so small chunks that have to wait are
 *   written together, into a block that is filled from left to right.
 *
 * Plan
 *
 *   bytes  [ cut | held ........... ]          chunks  [ chunk ] [ chunk ] [ block: small chunks | room ]
 *                ^start    ^scanned                                                 ^filled
 *
 * - A chunk becomes the front as it is. `reach(n)` joins it with as much of the chunks after it as is missing.
 * - `scanned` is how far the search in progress has looked, from the start, also in the chunks after the front.
 * - After a frame that ended at the shorter of two delimiters, the rest of the longer one is awaited: if it comes next, it
 *   is not held at all.
 */
import { makeBlock, NO_BLOCK } from "../common/block.ts";
import { concat, indexOfByte, longestMatch, plainBytes, TEXT_PAYS_UP_TO } from "../common/bytes.ts";
import { Fifo } from "../common/fifo.ts";
import { decodeLatin1 } from "../common/latin1.ts";

const NOTHING = new Uint8Array(0);

/** A chunk below this is copied where it has to wait. */
const SMALL = 512;
/** A block up to this size is kept while nothing is held. */
const LARGEST_KEPT = 1024;

/** How much of the front becomes text at a time. */
const LEAST_TEXT = 128;
const MOST_TEXT = 16 * 1024;

/** A part of the front as text, and where it begins and ends there. */
interface TextPart {
  readonly characters: string;
  readonly from: number;
  readonly end: number;
}

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

  #chunks: Fifo<Uint8Array> = Fifo.EMPTY;
  /** How many bytes of the first chunk are in the front instead. (To cut them off takes 10 % of short lines on Bun.) */
  #taken = 0;
  /** Where small chunks are written together, and how much of it is filled. */
  #block: Uint8Array = NO_BLOCK;
  #filled = 0;
  /** The array that ends where it is filled: if it is the last that is held, it can become longer. */
  #open: Uint8Array = NO_BLOCK;
  /** The chunk that the search has come to, or -1, and where it begins, counted from the start. */
  #scannedChunk = -1;
  #scannedFrom = 0;
  /** A part of the front as text, in which a byte is found faster. */
  #text: TextPart | undefined;
  /** Whether few bytes were dropped last from this front: the next frame may be as short. */
  #isCutShort = false;
  /** The rests of delimiters, the longest first, one of which is dropped if it comes next. */
  #awaited: readonly Uint8Array[] | undefined;
  /** What may be the beginning of such a rest. */
  #undecided: Uint8Array = NOTHING;

  /** How many bytes are held, those included that may be the rest of a delimiter. */
  get buffered(): number {
    return this.#awaited === undefined ? this.length : this.length + this.#undecided.length;
  }

  /** Adds a chunk, which must not be written into any more. */
  append(chunk: Uint8Array): void {
    let bytes = plainBytes(chunk);
    if (this.#awaited !== undefined) bytes = this.#dropAwaited(this.#awaited, bytes, false);
    if (bytes.length === 0) return;
    if (this.length > 0 && bytes.length < SMALL) this.#appendSmall(bytes);
    else if (this.length === 0) this.#setFront(bytes, 0);
    else this.#chunks = this.#chunks.with(bytes);
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
    if (count <= this.bytes.length - this.start) return true;
    if (count > this.length) return false;
    this.#join(count);
    return true;
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

  /** So many bytes, which must be held, after the first `from`: a view where they lie in one chunk, and else a copy. */
  view(from: number, count: number): Uint8Array {
    if (count === 0) return NOTHING;
    const end = from + count;
    if (end <= this.bytes.length - this.start) {
      return this.bytes.subarray(this.start + from, this.start + end);
    }
    const front = this.bytes.length - this.start;
    let begin = front - this.#taken;
    let copy: Uint8Array | undefined;
    if (from < front) {
      copy = new Uint8Array(count);
      copy.set(this.bytes.subarray(this.start + from));
    }
    for (let i = 0;; i++) {
      const chunk = this.#chunks.at(i)!;
      const next = begin + chunk.length;
      if (from < next) {
        const at = Math.max(from, front, begin);
        const piece = chunk.subarray(at - begin, end - begin);
        if (piece.length === count) return piece;
        copy ??= new Uint8Array(count);
        copy.set(piece, at - from);
        if (end <= next) return copy;
      }
      begin = next;
    }
  }

  /** Drops the first bytes, of which there must be as many. A search begins anew after them. */
  skip(count: number): void {
    this.length -= count;
    this.start += count;
    this.consumed += count;
    this.scanned = 0;
    this.#scannedChunk = -1;
    this.#isCutShort = count <= TEXT_PAYS_UP_TO;
    if (this.start >= this.bytes.length) this.#advance();
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

  /** What is held from `scanned` on, as far as it lies in one array. */
  get unscanned(): Uint8Array {
    const front = this.bytes.length - this.start;
    if (this.scanned < front) return this.bytes.subarray(this.start + this.scanned);
    if (this.scanned === this.length) return NOTHING;
    return this.#scannedIn(front).subarray(this.scanned - this.#scannedFrom);
  }

  /** The last bytes that are held, as many as `most`, or all. */
  tail(most: number): Uint8Array {
    const count = Math.min(most, this.length);
    const { last } = this.#chunks;
    const isInLast = last !== undefined && this.#chunks.length > 1 && last.length >= count;
    if (!isInLast) return this.view(this.length - count, count);
    return last.subarray(last.length - count);
  }

  #indexInFront(byte: number, from: number): number {
    for (;;) {
      const text = this.#text;
      if (text !== undefined && from >= text.from && from < text.end) {
        const at = text.characters.indexOf(String.fromCharCode(byte), from - text.from);
        if (at >= 0) return text.from + at;
        from = text.end;
      }
      const { length } = this.bytes;
      if (!this.#isCutShort || length - from < LEAST_TEXT) {
        return indexOfByte(this.bytes, byte, from);
      }
      const end = Math.min(length, from + MOST_TEXT);
      this.#text = { characters: decodeLatin1(this.bytes, from, end), from, end };
    }
  }

  #indexInChunks(byte: number, front: number): number {
    for (;;) {
      const chunk = this.#scannedIn(front);
      const from = this.scanned - this.#scannedFrom;
      const at = from < chunk.length ? indexOfByte(chunk, byte, from) : -1;
      if (at >= 0) return this.#scannedFrom + at;
      this.scanned = this.#scannedFrom + chunk.length;
      if (this.scanned === this.length) return -1;
    }
  }

  /** The chunk after the front that the search has come to; where it begins is `#scannedFrom`. */
  #scannedIn(front: number): Uint8Array {
    if (this.#scannedChunk < 0 || this.scanned < this.#scannedFrom) {
      this.#scannedChunk = 0;
      this.#scannedFrom = front - this.#taken;
    }
    for (;;) {
      const chunk = this.#chunks.at(this.#scannedChunk)!;
      const end = this.#scannedFrom + chunk.length;
      // The last one may become longer.
      if (this.scanned < end || this.#scannedChunk === this.#chunks.length - 1) return chunk;
      this.#scannedChunk++;
      this.#scannedFrom = end;
    }
  }

  /** Writes it behind the last array that is held, if that ends where the block is filled, or begins another there. */
  #appendSmall(bytes: Uint8Array): void {
    const { last = this.bytes } = this.#chunks;
    const hasRoom = this.#filled + bytes.length <= this.#block.length;
    const from = hasRoom && last === this.#open ? last.byteOffset : this.#begin(bytes.length);
    this.#fill(bytes);
    this.#open = this.#block.subarray(from, this.#filled);
    if (this.#chunks.length === 0) this.bytes = this.#open;
    else this.#chunks.last = this.#open;
  }

  /** Begins another array that ends where the block is filled. Returns where it begins. */
  #begin(room: number): number {
    // A small front is moved there, so that frames are views of both.
    const front = this.bytes.length - this.start;
    const isMoved = this.#chunks.length === 0 && front < SMALL;
    const most = isMoved ? front + room : room;
    if (this.#filled + most > this.#block.length) {
      this.#block = makeBlock(this.length, most);
      this.#filled = 0;
    }
    const from = this.#filled;
    if (isMoved) {
      this.#fill(this.bytes.subarray(this.start));
      this.start = 0;
      this.#text = undefined;
    } else this.#chunks = this.#chunks.with(NO_BLOCK);
    return from;
  }

  #fill(bytes: Uint8Array): void {
    this.#block.set(bytes, this.#filled);
    this.#filled += bytes.length;
  }

  /** Makes one array of so many bytes, which lie in several. */
  #join(count: number): void {
    const joined = this.view(0, count);
    let taken = this.#taken + count - (this.bytes.length - this.start);
    for (
      let first = this.#chunks.first;
      first && taken >= first.length;
      first = this.#chunks.first
    ) {
      taken -= first.length;
      this.#chunks.shift();
    }
    this.#taken = taken;
    this.#setFront(joined, 0);
  }

  /** Goes on in the next chunk. */
  #advance(): void {
    while (this.#chunks.length > 0 && this.start >= this.bytes.length) {
      const start = this.#taken + this.start - this.bytes.length;
      this.#taken = 0;
      this.#setFront(this.#chunks.shift()!, start);
    }
    if (this.length > 0) return;
    this.#setFront(NOTHING, 0);
    // What has room is kept, unless it is large: an idle connection holds no more.
    if (this.#block.length <= LARGEST_KEPT) return;
    this.#block = this.#open = NO_BLOCK;
    this.#filled = 0;
  }

  #setFront(bytes: Uint8Array, start: number): void {
    this.bytes = bytes;
    this.start = start;
    this.#scannedChunk = -1;
    this.#text = undefined;
    this.#isCutShort = false;
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
    const length = longestMatch(all, 0, awaited, isFinal);
    if (length < 0) {
      this.#undecided = all;
      return NOTHING;
    }
    this.#awaited = undefined;
    return all.subarray(length);
  }
}
