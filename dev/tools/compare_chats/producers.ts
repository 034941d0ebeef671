// Producers, as a script plans them. What becomes of them is noted.

import { nextTurn } from "../../../tests/support/turn.ts";
import type { Data, Producer } from "../../../mod.ts";
import { type ProducerPlan, toBytes } from "./script.ts";
import type { Trace } from "./trace.ts";

/** A producer that goes on and on hangs after so many pieces: others must have a turn, too. */
const MOST_PIECES = 10;

/** What a producer needs of the world. */
export interface Surroundings {
  readonly trace: Trace;
  /** Resolves when the script opens the gate. */
  readonly gate: () => Promise<void>;
  /** What its plan says that it does. */
  readonly perform: (part: "does" | "doesAtReturn") => void;
  /** The error that it throws. */
  readonly makeError: (what: string) => Error;
}

type Step = IteratorResult<Data, undefined>;

const OVER: Step = { done: true, value: undefined };
const NEVER: Promise<never> = new Promise(() => {});

/** Makes a producer. What becomes of it is noted under its name. */
export function makeProducer(name: string, plan: ProducerPlan, around: Surroundings): Producer {
  const course = new Course(name, plan, around);
  const { kind } = plan;
  if (kind === "array") return plan.pieces.map((piece) => course.toData(piece));
  if (kind === "generator") return watchReturn(generate(course), course);
  if (kind === "async generator") return watchReturn(generateLater(course), course);
  if (kind === "web stream") return streamOf(course);
  const release = (): Step => (course.release(), OVER);
  const releaseLater = async (): Promise<Step> => {
    course.release();
    return plan.atReturn === "hangs" ? await NEVER : OVER;
  };
  const next = (): Step => course.next();
  const nextLater = (): Promise<Step> => course.nextLater();
  if (kind === "iterator") return { [Symbol.iterator]: () => ({ next, return: release }) };
  if (kind === "iterator without return()") return { [Symbol.iterator]: () => ({ next }) };
  if (kind === "iterator of promises") {
    const nextPromised = (): Step => {
      const step = next();
      if (step.done) return step;
      return { done: false, value: Promise.resolve(step.value) as unknown as string };
    };
    return { [Symbol.iterator]: () => ({ next: nextPromised, return: release }) };
  }
  return { [Symbol.asyncIterator]: () => ({ next: nextLater, return: releaseLater }) };
}

/** How far a producer has come. */
class Course {
  readonly #name: string;
  readonly #plan: ProducerPlan;
  readonly #around: Surroundings;
  #given = 0;
  #hasDone = false;

  constructor(name: string, plan: ProducerPlan, around: Surroundings) {
    this.#name = name;
    this.#plan = plan;
    this.#around = around;
  }

  /** The next piece, or the end, at once. */
  next(): Step {
    const { pieces, then, together, does } = this.#plan;
    this.#note(`is asked for piece ${this.#given}`, "pulls");
    if (together && this.#given === 0 && pieces.length > 0) {
      this.#given = pieces.length;
      return { done: false, value: pieces.map(toBytes) as unknown as Data };
    }
    if (this.#given < pieces.length) return this.#give(pieces[this.#given]!);
    if (does !== undefined && !this.#hasDone) {
      this.#hasDone = true;
      this.#around.perform("does");
    }
    if (then === "goes on" && this.#given < MOST_PIECES) return this.#give("on and on ");
    if (then === "yields nonsense") return { done: false, value: 42 as unknown as string };
    if (then === "goes on" || then === "hangs") {
      return { done: false, value: NEVER as unknown as string };
    }
    this.#note(then ?? "ends", "pulls");
    if (then === "throws") throw this.#around.makeError(`error of ${this.#name}`);
    return OVER;
  }

  /** The same, when what it waits for has come. */
  async nextLater(): Promise<Step> {
    const { waits } = this.#plan;
    if (waits === "a turn") await nextTurn();
    if (waits === "the gate") await this.#around.gate();
    return this.next();
  }

  /** It is told that no more will be asked for. */
  release(): void {
    const { atReturn, doesAtReturn } = this.#plan;
    this.#note("is released", "releases");
    if (doesAtReturn !== undefined) this.#around.perform("doesAtReturn");
    if (atReturn === "throws") throw this.#around.makeError(`error at the return of ${this.#name}`);
  }

  toData(piece: string): Data {
    return this.#plan.asBytes ? toBytes(piece) : piece;
  }

  #give(piece: string): Step {
    this.#given++;
    return { done: false, value: this.toData(piece) };
  }

  #note(what: string, aspect: "pulls" | "releases"): void {
    this.#around.trace.add(this.#name, what, aspect);
  }
}

function* generate(course: Course): Generator<Data, undefined> {
  for (let step = course.next(); !step.done; step = course.next()) yield step.value;
}

async function* generateLater(course: Course): AsyncGenerator<Data, undefined> {
  for (let step = await course.nextLater(); !step.done; step = await course.nextLater()) {
    yield step.value;
  }
}

/** A generator that was never begun does not notice its `return()` itself. */
function watchReturn<G extends Generator | AsyncGenerator>(generator: G, course: Course): G {
  const original = generator.return.bind(generator) as G["return"];
  generator.return = ((value: undefined) => {
    course.release();
    return original(value);
  }) as G["return"];
  return generator;
}

function streamOf(course: Course): Producer {
  const stream = new ReadableStream<Data>({
    pull: async (controller) => {
      const { done, value } = await course.nextLater();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: () => course.release(),
  }, { highWaterMark: 0 });
  return stream as unknown as Producer;
}
