/**
 * A byte string that ends frames, prepared for a search that never looks back.
 *
 * The search is Knuth, Morris and Pratt's: `fallback[m]` says how many of the delimiter's first bytes are still
 * matched after the first `m + 1` of them were matched and the next one did not follow. So each received byte is
 * looked at in order, the only memory between two chunks is the number of bytes matched so far, and input that
 * nearly matches all along ("aaaa...ab") costs no more than any other.
 */
export class Delimiter {
  /** The bytes themselves, at least one. */
  readonly bytes: Uint8Array;
  /** `fallback[m]`: the longest proper prefix of the delimiter that ends its first `m + 1` bytes. */
  readonly fallback: Uint32Array;

  /** @param bytes At least one byte; copied, so that the caller may change its own. */
  constructor(bytes: Uint8Array) {
    this.bytes = Uint8Array.from(bytes);
    this.fallback = new Uint32Array(bytes.length);
    for (let at = 1, matched = 0; at < bytes.length; at++) {
      matched = this.step(matched, bytes[at]!);
      this.fallback[at] = matched;
    }
  }

  /** How many bytes are matched when `byte` follows `matched` matched ones (fewer than all). */
  step(matched: number, byte: number): number {
    while (matched > 0 && byte !== this.bytes[matched]) matched = this.fallback[matched - 1]!;
    return byte === this.bytes[matched] ? matched + 1 : 0;
  }

  /** Whether both are the same bytes. */
  equals(other: Delimiter): boolean {
    return this.bytes.length === other.bytes.length &&
      this.bytes.every((byte, at) => byte === other.bytes[at]);
  }
}
