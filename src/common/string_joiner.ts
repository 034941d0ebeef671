// Strings that follow each other in a stream.

/** Joins the halves of a surrogate pair that is cut between two strings of a stream: together they are one character. */
export class StringJoiner {
  #high = "";

  /** What precedes the bytes that come next: the half of a pair whose other half did not come. */
  takeRest(): string {
    const rest = this.#high;
    this.#high = "";
    return rest;
  }

  /** The string with what the one before left, and without half a pair at its end. */
  join(text: string): string {
    const all = this.takeRest() + text;
    const last = all.charCodeAt(all.length - 1);
    if (!(last >= 0xd800 && last <= 0xdbff)) return all;
    this.#high = all.slice(-1);
    return all.slice(0, -1);
  }
}
