import { delay } from "./delay.ts";
import { describe } from "./failure.ts";
import type { Random } from "./random.ts";
import type { Side } from "./side.ts";

/** Takes the leave of one end, in the way and at the moment that are planned. */
export class Closer {
  /** What it waits for. */
  state = "not begun";
  readonly #side: Side;
  readonly #random: Random;

  constructor(side: Side, random: Random) {
    this.#side = side;
    this.#random = random;
  }

  /**
   * Ends the chat, or waits until it has ended.
   * @param written Resolves when all is pushed.
   * @param tasks Resolves when all is read, too.
   */
  async end(written: Promise<void>, tasks: Promise<unknown>): Promise<void> {
    const { plan: { ending }, judge } = this.#side;
    switch (ending) {
      case "await using":
        await this.#using(tasks);
        break;
      case "closeWhenDone() early":
        this.state = "waits until all is pushed";
        await written;
        this.#closeWhenDone();
        break;
      case "closeWrite()":
        await this.#all(tasks);
        // It is closed by itself, unless reading ended early.
        if (judge.mayBeCut) this.#closeWhenDone();
        break;
      case "closeWhenDone()":
      case "silence":
        await this.#all(tasks);
        this.#closeWhenDone();
        break;
      case "reset":
      case "stall":
      case "too much queued":
      case "producer that throws":
        await this.#all(tasks);
        if (this.#random.chance(0.5)) this.#closeWhenDone();
        else this.#side.chat.close();
        break;
      default:
        await this.#moment(tasks);
        await this.#break(tasks);
    }
    this.state = "has ended";
  }

  async #break(tasks: Promise<unknown>): Promise<void> {
    const { chat, handled, log, plan: { detaches, ending }, reason, signal } = this.#side;
    this.#side.isEnding = true;
    log(`breaks off: ${ending}`);
    switch (ending) {
      case "close()":
      case "producer without an end, close()":
        return chat.close();
      case "close(reason)":
        // A handler that throws has its chat closed with that, but not one that it has detached.
        if (handled !== undefined && !detaches) return handled.reject(reason);
        return chat.close(reason);
      case "signal":
        return signal.abort(reason);
      case "discardBuffers(), closeWhenDone()":
        this.#discard();
        return this.#closeWhenDone();
      case "discardBuffers(), close()":
        this.#discard();
        return chat.close();
      case "closeWhenDone(), close()":
        this.#closeWhenDone();
        this.state = "waits between closeWhenDone() and close()";
        await delay(this.#random.below(10));
        return chat.close();
      case "vanish":
        return this.#side.vanish();
      case "idle, vanish":
        await this.#idle(tasks);
        await delay(this.#random.below(10));
        return this.#side.vanish();
      case "idle":
        await this.#idle(tasks);
        return await this.#closeUnlessGone();
    }
  }

  /** Neither reads nor writes from now on. */
  async #idle(tasks: Promise<unknown>): Promise<void> {
    const { chat, promises } = this.#side;
    this.#side.isIdle = true;
    if (this.#random.chance(0.5)) promises.note("closeWrite()", chat.closeWrite());
    this.state = "waits until it is idle";
    await tasks.catch(() => {});
  }

  /** Closes when the peer is over. A connection that nobody reads may not notice that; one that does ends the chat itself. */
  async #closeUnlessGone(): Promise<void> {
    const { chat, connection, log } = this.#side;
    let isGone = false;
    connection.closed.then(() => isGone = true);
    this.state = "waits until the peer is over";
    await this.#side.peerIsOver();
    await delay(this.#random.below(20));
    log(isGone ? "is gone by itself" : "close()");
    if (!isGone) chat.close();
  }

  #discard(): void {
    this.#side.hasDiscarded = true;
    this.#side.reader.framesAreKnown = false;
    this.#side.chat.discardBuffers();
  }

  #closeWhenDone(): void {
    const { chat, log, promises } = this.#side;
    this.#side.isEnding = true;
    log("closeWhenDone()");
    promises.note("closeWhenDone()", chat.closeWhenDone());
  }

  async #using(tasks: Promise<unknown>): Promise<void> {
    const { chat, handled, judge } = this.#side;
    if (handled !== undefined) {
      // When the handler returns, the server does the same.
      await this.#all(tasks);
      return handled.resolve();
    }
    try {
      await using _ = chat;
      await this.#all(tasks);
    } catch (error) {
      if (!judge.mayRefuseWith(error)) judge.fail(`await using: ${describe(error)}`);
    }
  }

  async #all(tasks: Promise<unknown>): Promise<void> {
    this.state = "waits until all is sent and read";
    await tasks.catch(() => {});
  }

  async #moment(tasks: Promise<unknown>): Promise<void> {
    const side = this.#side;
    const { after, count } = side.plan.moment;
    this.state = `waits for ${count} ${after}`;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const reached = new Promise<void>((resolve) => {
      if (after === "milliseconds") {
        timer = setTimeout(resolve, count);
        return;
      }
      side.onProgress = () => {
        const passed = after === "sent" ? side.writer.sent : side.reader.received;
        if (passed >= count) resolve();
      };
      side.onProgress();
    });
    await Promise.race([reached, tasks.catch(() => {})]);
    clearTimeout(timer);
  }
}
