/** Producers of every kind, which note what becomes of them. */
import type { Data, Producer } from "../../../mod.ts";
import { delay } from "./delay.ts";
import type { Random } from "./random.ts";

/** What has become of one. */
interface Fate {
  readonly kind: string;
  /** How often it was opened, has ended (or thrown), and was told to return. */
  opened: number;
  ended: number;
  returned: number;
  isAsked: boolean;
  readonly wrongs: string[];
}

const KINDS = ["sync", "async", "late", "batches", "stream", "promises"] as const;

/** The producers of one end. */
export class Producers {
  readonly #fates: Fate[] = [];
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  /** A producer of any kind that yields these pieces. */
  of(pieces: readonly Data[]): Producer {
    const kind = this.#random.pick(KINDS);
    if (kind === "stream") return this.#stream(pieces);
    const fate = this.#begin(kind);
    if (kind === "sync") return this.#sync(fate, pieces);
    if (kind === "batches") return this.#track(fate, inBatches(pieces, this.#random.fork()));
    const isLate = kind === "late";
    return this.#track(fate, isLate ? late(pieces, this.#random.fork()) : pieces.values());
  }

  /** One that yields the pieces, and fails. */
  failing(pieces: readonly Data[], error: Error): Producer {
    return this.#track(
      this.#begin("failing"),
      (function* () {
        yield* pieces;
        throw error;
      })(),
    );
  }

  /** One that yields the pieces, and then nothing for ever. */
  endless(pieces: readonly Data[]): Producer {
    return this.#track(
      this.#begin("endless"),
      (async function* () {
        yield* pieces;
        await new Promise(() => {});
      })(),
    );
  }

  /** What is wrong with what became of them, when nothing more can. */
  get wrongs(): string[] {
    return this.#fates.flatMap(({ kind, opened, ended, returned, wrongs }) => {
      // A stream that was closed may be cancelled all the same, before its last piece was taken.
      const isRight = kind === "stream"
        ? returned <= 1 && ended + returned >= 1
        : opened === 1 && ended + returned === 1;
      const wrong = `a producer (${kind}) was opened ${opened} times, ` +
        `ended ${ended} times and was returned ${returned} times`;
      return isRight ? wrongs : [...wrongs, wrong];
    });
  }

  #begin(kind: string): Fate {
    const fate = { kind, opened: 0, ended: 0, returned: 0, isAsked: false, wrongs: [] };
    this.#fates.push(fate);
    return fate;
  }

  #sync(fate: Fate, pieces: readonly Data[]): Iterable<Data> {
    const iterator = pieces.values();
    return {
      [Symbol.iterator]() {
        fate.opened++;
        return {
          next() {
            noteAsked(fate);
            fate.isAsked = false;
            const result = iterator.next();
            if (result.done) void noteEnd(fate);
            return result;
          },
          return() {
            fate.returned++;
            return { done: true, value: undefined };
          },
        };
      },
    };
  }

  #track(
    fate: Fate,
    iterator: Iterator<Data | Uint8Array[]> | AsyncIterator<Data | Uint8Array[]>,
  ): AsyncIterable<Data | Uint8Array[]> {
    return {
      [Symbol.asyncIterator]() {
        fate.opened++;
        return {
          async next() {
            noteAsked(fate);
            try {
              const result = await iterator.next();
              if (result.done) void noteEnd(fate);
              return result;
            } catch (error) {
              void noteEnd(fate);
              throw error;
            } finally {
              fate.isAsked = false;
            }
          },
          return() {
            fate.returned++;
            iterator.return?.();
            return Promise.resolve({ done: true, value: undefined });
          },
        };
      },
    };
  }

  #stream(pieces: readonly Data[]): ReadableStream<Data> {
    const fate = this.#begin("stream");
    const iterator = pieces.values();
    return new ReadableStream<Data>({
      pull(controller) {
        const { done, value } = iterator.next();
        if (!done) return controller.enqueue(value);
        fate.ended++;
        controller.close();
      },
      cancel() {
        fate.returned++;
      },
    });
  }
}

/** Until the result has reached whoever asked, return() is in time. */
async function noteEnd(fate: Fate): Promise<void> {
  for (let turns = 0; turns < 10; turns++) await undefined;
  if (fate.returned === 0) fate.ended++;
}

function noteAsked(fate: Fate): void {
  if (fate.isAsked) fate.wrongs.push(`a producer (${fate.kind}) was asked while it was asked`);
  if (fate.ended > 0) fate.wrongs.push(`a producer (${fate.kind}) was asked after its end`);
  if (fate.returned > 0) fate.wrongs.push(`a producer (${fate.kind}) was asked after return()`);
  fate.isAsked = true;
}

async function* late(pieces: readonly Data[], random: Random): AsyncGenerator<Data> {
  for (const piece of pieces) {
    if (random.chance(0.3)) await delay(random.below(3));
    yield piece;
  }
}

function* inBatches(pieces: readonly Data[], random: Random): Generator<Uint8Array[]> {
  const encoder = new TextEncoder();
  for (let at = 0; at < pieces.length;) {
    const some = pieces.slice(at, at += random.below(4));
    yield some.map((piece) => typeof piece === "string" ? encoder.encode(piece) : piece);
  }
}

/** Cuts data in a few pieces, some of them empty. */
export function cut(data: Data, random: Random): Data[] {
  const cuts = Array.from({ length: random.below(6) }, () => random.below(data.length + 1));
  const bounds = [0, ...cuts.sort((a, b) => a - b), data.length];
  return bounds.slice(1).map((end, i) => data.slice(bounds[i], end));
}
