/*
 * What it must do: hold the bytes that arrived and are not yet cut into frames, find delimiters in them, and give
 * the first n of them away, again and again, while the rule by which they are cut may change each time.
 *
 * Goals
 * - Linear time for any chunking, from 1-byte chunks to one chunk of everything, and for any number of frames in a
 *   chunk: no byte is searched twice for the same delimiter, and cutting a frame never moves the bytes behind it.
 * - A frame that lies in one chunk is a view of it. A frame that does not is put together once, in an array of its
 *   own length. What was handed out is never written into again.
 * - Memory in proportion to the bytes held. An array of its own costs some 200 bytes, so a frame of 1 MiB in
 *   1-byte chunks must not be held as a million arrays.
 *
 * Plan: a singly linked list of segments, taken from at the head and appended to at the tail.
 *
 *      head                                             tail
 *     [ frame \n fra ] -> [ me \n frame \n fr ] -> [ am | room  ]
 *                ^offset                    ^at        ^block, filled so far
 *
 * - A chunk becomes a segment as it is. Only small chunks that others wait before are copied together, into a
 *   block that is filled from left to right and never rewritten. Such a byte is copied a second time if its frame
 *   ends in another block; that, instead of once, is the price of the third goal.
 * - The search remembers where it stands (`at`, `index`) and how much of the delimiter it has matched there, so
 *   that the next chunk carries on in the middle of a delimiter. `base` is the distance from the offset to the
 *   beginning of `at`, so the search has seen `base + index` of the bytes that are held.
 */
import { isKept, makeBlock, NO_BLOCK } from "./block.ts";
import { plainBytes } from "./bytes.ts";
import type { Delimiter } from "./delimiter.ts";

interface Segment {
  bytes: Uint8Array;
  next: Segment | undefined;
}

/** A chunk below this is copied into a block where it would queue; one above it is worth an array of its own. */
const SMALL_CHUNK = 512;
/** Received bytes: each found once, and copied only where a frame does not lie in one chunk. */
export class ReceiveBuffer {
  #length = 0;
  #head: Segment | undefined;
  #tail: Segment | undefined;
  #offset = 0;

  #block: Uint8Array = NO_BLOCK;
  #filled = 0;
  /** The segment that views the block's filled part, while small chunks may be added to it. */
  #open: Segment | undefined;

  #sought: Delimiter | undefined;
  #at: Segment | undefined;
  #index = 0;
  #base = 0;
  #matched = 0;

  /** How many bytes are held. */
  get length(): number {
    return this.#length;
  }

  /** How many of the bytes held, counted from the first, the search knows not to be part of a delimiter. */
  get searched(): number {
    return Math.max(0, this.#base + this.#index - this.#matched);
  }

  /** Adds a chunk, which must not be written into any more. */
  append(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    const bytes = plainBytes(chunk);
    const queues = this.#length > 0;
    this.#length += bytes.length;
    if (queues && bytes.length < SMALL_CHUNK) this.#appendToBlock(bytes);
    else this.#appendSegment(bytes);
  }

  /**
   * Searches for the delimiter, from where the last search for it stopped.
   * @returns The number of bytes up to and including the first delimiter, or -1 if none is here yet.
   */
  find(delimiter: Delimiter): number {
    const { bytes: pattern } = delimiter;
    if (delimiter !== this.#sought && !this.#sought?.equals(delimiter)) this.#restartSearch();
    this.#sought = delimiter;
    while (this.#at !== undefined) {
      const { bytes, next } = this.#at;
      while (this.#index < bytes.length) {
        if (this.#matched === 0) {
          const candidate = bytes.indexOf(pattern[0]!, this.#index);
          this.#index = candidate < 0 ? bytes.length : candidate + 1;
          if (candidate < 0) break;
          this.#matched = 1;
        } else {
          this.#matched = delimiter.step(this.#matched, bytes[this.#index++]!);
        }
        if (this.#matched === pattern.length) {
          this.#matched = 0;
          return this.#base + this.#index;
        }
      }
      if (next === undefined) return -1;
      this.#base += bytes.length;
      this.#at = next;
      this.#index = 0;
    }
    return -1;
  }

  /** Takes the first `count` bytes, of which there must be as many, as one array. */
  take(count: number): Uint8Array {
    if (count === 0) return new Uint8Array(0);
    const { bytes } = this.#head!;
    const end = this.#offset + count;
    const taken = end <= bytes.length ? bytes.subarray(this.#offset, end) : this.#join(count);
    this.skip(count);
    return taken;
  }

  /** Takes bytes that lie together already, at least one and at most `limit`; at least one must be held. */
  takeContiguous(limit: number): Uint8Array {
    return this.take(Math.min(limit, this.#head!.bytes.length - this.#offset));
  }

  /** Drops the first `count` bytes, of which there must be as many. */
  skip(count: number): void {
    const searched = this.searched;
    this.#length -= count;
    this.#offset += count;
    this.#base -= count;
    while (this.#head !== undefined && this.#offset >= this.#head.bytes.length) {
      this.#offset -= this.#head.bytes.length;
      this.#dropHead(this.#head);
    }
    if (count > searched) this.#restartSearch();
  }

  /** Drops everything that is held; a delimiter that has begun at its end is still recognised. */
  skipAll(): void {
    const matched = this.#matched;
    this.skip(this.#length);
    this.#matched = matched;
  }

  #restartSearch(): void {
    this.#at = this.#head;
    this.#index = this.#offset;
    this.#base = -this.#offset;
    this.#matched = 0;
  }

  #dropHead(head: Segment): void {
    this.#head = head.next;
    if (this.#at === head) {
      this.#base += head.bytes.length;
      this.#at = head.next;
      this.#index = 0;
    }
    if (head.next !== undefined) return;
    this.#tail = undefined;
    this.#open = undefined;
    if (isKept(this.#block)) return;
    this.#block = NO_BLOCK;
    this.#filled = 0;
  }

  #appendSegment(bytes: Uint8Array): void {
    const segment: Segment = { bytes, next: undefined };
    if (this.#tail === undefined) this.#head = segment;
    else this.#tail.next = segment;
    this.#tail = segment;
    this.#open = undefined;
    this.#at ??= segment;
  }

  #appendToBlock(bytes: Uint8Array): void {
    if (this.#filled + bytes.length > this.#block.length) {
      this.#block = makeBlock(this.#length, bytes.length);
      this.#filled = 0;
      this.#open = undefined;
    }
    const start = this.#filled;
    this.#block.set(bytes, start);
    this.#filled += bytes.length;
    if (this.#open === undefined) {
      this.#appendSegment(this.#block.subarray(start, this.#filled));
      this.#open = this.#tail;
    } else {
      const from = this.#filled - bytes.length - this.#open.bytes.length;
      this.#open.bytes = this.#block.subarray(from, this.#filled);
    }
  }

  #join(count: number): Uint8Array {
    const joined = new Uint8Array(count);
    let filled = 0;
    let offset = this.#offset;
    for (let segment = this.#head; filled < count && segment; segment = segment.next) {
      const piece = segment.bytes.subarray(offset, offset + count - filled);
      joined.set(piece, filled);
      filled += piece.length;
      offset = 0;
    }
    return joined;
  }
}
