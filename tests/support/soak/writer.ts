import { text } from "../bytes.ts";
import { delay } from "./delay.ts";
import { BROKEN } from "./judge.ts";
import type { Message } from "./messages.ts";
import { cut, type Producers } from "./producers.ts";
import type { Random } from "./random.ts";
import type { Side } from "./side.ts";

/** Writes what one end has to say, in every way there is. */
export class Writer {
  readonly producers: Producers;
  /** How many messages were pushed, and how many of them with `send()`. */
  sent = 0;
  framesSent = 0;
  /** What it waits for. */
  state = "not begun";
  readonly #side: Side;
  readonly #random: Random;

  constructor(side: Side, random: Random, producers: Producers) {
    this.#side = side;
    this.#random = random;
    this.producers = producers;
  }

  /** Writes all, unless the chat ends before. */
  async write(): Promise<void> {
    const { plan: { outgoing: { messages, tail }, detaches, ending }, isCareless, log } =
      this.#side;
    const random = this.#random;
    const isHasty = isCareless || random.chance(0.2) || ending === "too much queued";
    const bad = random.below(messages.length + 1);
    for (const message of messages) {
      if (this.#isBroken) break;
      if (this.sent === bad) this.#pushBadly(message);
      if (detaches && random.chance(0.2)) await this.#handOver();
      if (this.#isBroken) break;
      const pushed = this.#push(message);
      this.sent++;
      this.#side.onProgress();
      if (isHasty) continue;
      this.state = `waits for push() of ${message.name}`;
      if (random.chance(0.5)) await pushed.catch(() => {});
      this.state = "waits for flush()";
      if (random.chance(0.1)) await this.#flush();
      this.state = "waits for a timer";
      if (random.chance(0.1)) await delay(random.below(4));
    }
    if (!this.#isBroken) this.#pushEnd(bad, tail);
    this.state = "is done";
    log(`has written ${this.sent} of ${messages.length}`);
  }

  /** Pushes what follows the messages. */
  #pushEnd(bad: number, tail: Uint8Array | undefined): void {
    const { chat, plan } = this.#side;
    if (this.sent === bad) this.#pushBadly(undefined);
    if (tail !== undefined) {
      this.#note("push() of the tail", chat.push(this.producers.of(cut(tail, this.#random))));
    }
    if (tail !== undefined || plan.ending === "closeWrite()") {
      this.#note("closeWrite()", chat.closeWrite());
    }
  }

  /** Whether nothing is written any more. */
  get #isBroken(): boolean {
    const { isOver, isEnding, judge } = this.#side;
    return isOver || (isEnding && !judge.isOrderly);
  }

  async #flush(): Promise<boolean> {
    const flushed = this.#side.chat.flush();
    this.#note("flush()", flushed);
    return await flushed.then(() => true, () => false);
  }

  /** Goes on with a new chat over the same connection. */
  async #handOver(): Promise<void> {
    this.state = "waits for flush() before detach()";
    if (await this.#flush()) this.#side.handOver();
  }

  /** Pushes what will not be sent to its end. */
  #pushBadly(message: Message | undefined): void {
    const begun = message === undefined ? [] : cut(message.encode(), this.#random);
    const { chat, plan: { ending } } = this.#side;
    if (ending === "producer that throws") {
      this.#note("push() that throws", chat.push(this.producers.failing(begun, BROKEN)));
    } else if (ending === "producer without an end, close()") {
      this.#note("push() without an end", chat.push(this.producers.endless(begun)));
    }
  }

  #push(message: Message): Promise<void> {
    const { chat, plan } = this.#side;
    const way = this.#random.below(6);
    if (way <= 1) {
      if (!plan.isSticky) chat.terminator = message.terminator;
      if (chat.terminator === message.terminator) {
        this.framesSent++;
        return this.#note(`send() of ${message.name}`, chat.send(message.payload));
      }
    }
    return this.#note(`push() of ${message.name}`, this.#pushFrame(message, way));
  }

  #pushFrame(message: Message, way: number): Promise<void> {
    const { chat } = this.#side;
    const random = this.#random;
    const frame = message.encode();
    const isText = typeof message.payload === "string" && random.chance(0.5);
    const pieces = cut(isText ? text(frame) : frame, random);
    if (way <= 2) {
      const pushed = chat.push(frame);
      // When it is with the system, the array is the caller's again.
      this.#note("flush()", chat.flush()).then(() => frame.fill(0xee), () => {});
      return pushed;
    }
    if (way === 3) return chat.push(...pieces);
    if (way === 4) return chat.push(this.producers.of(pieces));
    const middle = random.below(pieces.length);
    return chat.push(
      ...pieces.slice(0, middle),
      this.producers.of(pieces.slice(middle, middle + 1)),
      this.producers.of([]),
      ...pieces.slice(middle + 1),
    );
  }

  #note(what: string, promise: Promise<void>): Promise<void> {
    this.#side.promises.note(what, promise);
    return promise;
  }
}
