/** Producers that do what their plans say, and note what becomes of them. */
import { assert, assertEquals } from "@std/assert";
import type { Data, Producer } from "../../../mod.ts";
import { nextTurn } from "../turn.ts";
import type { Operation, ProducerPlan } from "./script.ts";

/** After how many pieces one that goes on and on hangs: over memory it would leave no turn to others. */
const MOST_PIECES = 300;

/** What a producer needs of the end that pushes it. */
export interface Supply {
  /** Text to send, of that length. */
  take(length: number): string;
  perform(operation: Operation): void;
  /** It has given all it has. */
  end(): void;
}

type Result = IteratorResult<Data>;

const OVER = { done: true, value: undefined } as const;

export class PlannedProducer {
  readonly #plan: ProducerPlan;
  readonly #supply: Supply;
  readonly #wrongs: string[] = [];
  #given = 0;
  #pulled = 0;
  #ended = 0;
  #returned = 0;
  #hasDone = false;
  /** Whether it was asked for a piece that it never gives. */
  #hangs = false;

  constructor(plan: ProducerPlan, supply: Supply) {
    this.#plan = plan;
    this.#supply = supply;
  }

  /** What is pushed. */
  get producer(): Producer {
    switch (this.#plan.kind) {
      case "sync":
        return {
          [Symbol.iterator]: () => ({ next: () => this.#next(), return: () => this.#return() }),
        };
      case "stream":
        return this.#stream();
      default:
        return {
          [Symbol.asyncIterator]: () => ({
            next: () => this.#nextLater(),
            return: () => Promise.resolve(this.#return()),
          }),
        };
    }
  }

  /** Checks that it was drained or stopped, once; or, if it was refused, stopped before it was begun. */
  check(isRefused: boolean): void {
    assertEquals(this.#wrongs, []);
    // The iterator of a stream waits for the piece that it has asked for before it cancels.
    if (this.#plan.kind === "stream" && this.#hangs) return;
    const [pulled, ended, returned] = [this.#pulled, this.#ended, this.#returned];
    const fate = `pulled ${pulled} times, ended ${ended} times, returned ${returned} times`;
    // An end that is on its way when it is stopped is no end yet.
    const mayBeBoth = this.#plan.kind !== "sync" && ended === 1 && returned === 1;
    const isRight = isRefused ? returned === 1 && pulled === 0 : ended + returned === 1;
    assert(isRight || (mayBeBoth && !isRefused), `a producer (${this.#plan.kind}) was ${fate}`);
  }

  #next(): Result {
    this.#pulled++;
    if (this.#ended + this.#returned > 0) this.#wrongs.push("a producer is asked after its end");
    return this.#produce();
  }

  async #nextLater(): Promise<IteratorResult<Data | Uint8Array[]>> {
    this.#pulled++;
    if (this.#ended + this.#returned > 0) this.#wrongs.push("a producer is asked after its end");
    if (this.#given % 3 === 0) await Promise.resolve();
    if (this.#given % 5 === 0) await nextTurn();
    if (this.#returned > 0) return OVER;
    const result = this.#produce();
    if (this.#plan.kind === "async" || typeof result.value !== "string") return result;
    const bytes = new TextEncoder().encode(result.value);
    const half = bytes.length >> 1;
    return { done: false, value: [bytes.subarray(0, half), bytes.subarray(half)] };
  }

  #stream(): ReadableStream<Data> {
    return new ReadableStream<Data>({
      pull: async (controller) => {
        const { done, value } = this.#next();
        if (done) controller.close();
        else controller.enqueue(await value);
      },
      cancel: () => void this.#return(),
    }, { highWaterMark: 0 });
  }

  #produce(): Result {
    const { pieces, then, does } = this.#plan;
    if (this.#given < pieces.length) return this.#give(pieces[this.#given]!);
    if (does !== undefined && !this.#hasDone) {
      this.#hasDone = true;
      this.#supply.perform(does);
    }
    if (then === "goes on" && this.#given < MOST_PIECES) return this.#give(64);
    if (then === "yields nonsense") return { done: false, value: 42 as unknown as string };
    if (then === "goes on" || then === "hangs") {
      this.#hangs = true;
      return { done: false, value: new Promise(() => {}) as unknown as string };
    }
    this.#ended++;
    this.#supply.end();
    if (then === "throws") throw new Error("out of paper");
    return OVER;
  }

  #give(length: number): Result {
    this.#given++;
    return { done: false, value: this.#supply.take(length) };
  }

  #return(): Result {
    this.#returned++;
    if (this.#plan.doesAtReturn !== undefined) this.#supply.perform(this.#plan.doesAtReturn);
    return OVER;
  }
}
