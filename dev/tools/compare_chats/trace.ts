// What a script has led to: what each call gave, what the connection was told, and when.

/**
 * What kind of thing an entry tells, for those who want to leave some out of the comparison:
 *
 * - `results`: what calls give, what becomes of producers, and the ends of the connection
 * - `writes`: the bytes that the connection has taken
 * - `underway`: the bytes that it was given and had not taken when it was closed or failed
 * - `reason`: what `close()` of the connection is given
 * - `pulls`: when a producer is asked for pieces, and ends
 * - `releases`: whether it is told that no more will be asked for
 * - `pieces`: how `stream()` and `batches()` cut what they give
 * - `unread`: what of the unread bytes `detach()` gives, and what it leaves to the connection
 * - `bytesIn` and the others of `stats`: what they are after each turn
 */
export const ASPECTS = [
  "results",
  "writes",
  "underway",
  "reason",
  "pulls",
  "releases",
  "pieces",
  "unread",
  "bytesIn",
  "bytesOut",
  "framesIn",
  "framesOut",
  "buffered",
  "queued",
] as const;

export type Aspect = typeof ASPECTS[number];

export interface Entry {
  /** How many turns of the script had passed. */
  readonly turn: number;
  /** What it is about: a call, a producer, a connection. Entries about one of them are in order; others are not compared. */
  readonly about: string;
  readonly aspect: Aspect;
  what: string;
}

export class Trace {
  readonly entries: Entry[] = [];
  turn = 0;
  /** Grows whenever anything happens. */
  activity = 0;

  add(about: string, what: string, aspect: Aspect = "results"): Entry {
    const entry = { turn: this.turn, about, aspect, what };
    this.entries.push(entry);
    this.activity++;
    return entry;
  }
}
