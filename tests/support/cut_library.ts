/**
 * The library, with bytes that arrive in pieces: what is pushed into a `Framer`, and what is written to the second end of a
 * `memoryPair()`. It is for programs that must do the same however their bytes arrive.
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

type Cut = (data: Uint8Array) => readonly Uint8Array[];

let cut: Cut = (data) => [data];

/** Says how bytes are cut from now on. */
export function setCut(how: Cut): void {
  cut = how;
}

/** A framer that is given the next piece only when it has no more frames in what came before. */
export class Framer<T> extends WholeFramer<T> {
  readonly #pieces: Uint8Array[] = [];
  #endsNext = false;

  override push(data: Uint8Array | string): void {
    this.#pieces.push(...cut(typeof data === "string" ? bytes(data) : data));
  }

  override end(): void {
    this.#endsNext = true;
  }

  // deno-lint-ignore no-explicit-any -- it has two signatures
  override next(terminator?: Terminator): any {
    for (;;) {
      const frame = super.next(terminator);
      if (frame !== undefined) return frame;
      const piece = this.#pieces.shift();
      if (piece !== undefined) super.push(piece);
      else if (this.#endsNext) {
        this.#endsNext = false;
        super.end();
      } else return undefined;
    }
  }
}

export function memoryPair(): [Connection, Connection] {
  const [left, right] = wholePair();
  const write = right.write.bind(right);
  right.write = async (data) => {
    for (const piece of cut(data)) {
      await write(piece);
      await nextTurn(); // the other end reads it by itself
    }
  };
  return [left, right];
}
