/**
 * The library, where all bytes arrive cut: what is pushed into a framer, and what is written to one end of a `memoryPair()`. For
 * programs that must do the same however their bytes arrive.
 */
import {
  type Connection,
  Framer as WholeFramer,
  memoryPair as wholePair,
  type Terminator,
} from "../../mod.ts";
import { bytes } from "./bytes.ts";
import { nextTurn } from "./turn.ts";

export * from "../../mod.ts";

type Cut = (data: Uint8Array) => Iterable<Uint8Array>;

let cut: Cut = (data) => [data];

/** Says how bytes are cut from now on. */
export function setCut(how: Cut): void {
  cut = how;
}

/** It is given the next chunk when it has no frame left. */
export class Framer<T> extends WholeFramer<T> {
  readonly #chunks: Uint8Array[] = [];
  #isEnding = false;

  override push(data: Uint8Array | string): void {
    this.#chunks.push(...cut(typeof data === "string" ? bytes(data) : data));
  }

  override end(): void {
    this.#isEnding = true;
  }

  // deno-lint-ignore no-explicit-any -- one of two signatures
  override next(terminator?: Terminator): any {
    for (;;) {
      const frame = super.next(terminator);
      if (frame !== undefined || !this.#feed()) return frame;
    }
  }

  /** Returns whether there was something that was not told yet. */
  #feed(): boolean {
    const chunk = this.#chunks.shift();
    if (chunk !== undefined) super.push(chunk);
    else if (this.#isEnding) super.end();
    else return false;
    this.#isEnding &&= chunk !== undefined;
    return true;
  }
}

export function memoryPair(): [Connection, Connection] {
  const [left, right] = wholePair();
  const write = right.write.bind(right);
  right.write = async (data) => {
    for (const chunk of cut(data)) {
      await write(chunk);
      await nextTurn();
    }
  };
  return [left, right];
}
