import {
  Chat,
  type ChatOptions,
  ClosedError,
  type Connection,
  type Detached,
  type Frame,
} from "../../../mod.ts";
import type { Deferred } from "../../../src/common/deferred.ts";
import { chaos } from "../../../testing.ts";
import { CountingSignal } from "../counting_signal.ts";
import { Closer } from "./closer.ts";
import { delay } from "./delay.ts";
import { Judge } from "./judge.ts";
import { MeteredConnection } from "./metered_connection.ts";
import type { SidePlan } from "./plan.ts";
import { Producers } from "./producers.ts";
import { Promises } from "./promises.ts";
import type { Random } from "./random.ts";
import { Reader } from "./reader.ts";
import { LONGEST_FRAME } from "./ways.ts";
import { Writer } from "./writer.ts";

/**
 * One end of a scenario: a chat, or several that follow each other on the same connection, and those who use it.
 *
 * ```text
 *              ┌── writer ──▶ what is sent         judge: what may happen to it, and what may not
 *   chat ──────┼── reader ──▶ what is received     promises: those of the chat that nobody awaits
 *              └── closer ──▶ the ending
 * ```
 */
export class Side {
  readonly plan: SidePlan;
  peer!: Side;
  connection!: MeteredConnection;
  /** What a server waits for, if the chat is that of its handler. */
  handled: Deferred | undefined;
  readonly writer: Writer;
  readonly reader: Reader;
  readonly closer: Closer;
  readonly judge: Judge = new Judge(this);
  readonly promises: Promises;
  /** What it is closed with, where that needs a reason, and what tells it to. */
  readonly reason: Error = new Error("the reason");
  readonly signal: CountingSignal = new CountingSignal();
  /** All signals, to see that nobody listens any more. */
  readonly signals: CountingSignal[] = [this.signal];
  /** Whether no promise is awaited that need not be, nor its rejection handled. */
  readonly isCareless: boolean;
  started = 0;
  /** Is told what happens. */
  readonly log: (line: string) => void;
  /** Is called when a message has been sent or received. */
  onProgress: () => void = () => {};
  isEnding = false;
  /** Whether it waits for `closed`, and does nothing else. */
  isIdle = false;
  isOver = false;
  hasDiscarded = false;
  /** The chat that is used now, behind those that were detached. */
  readonly #chats: Chat<Frame>[] = [];
  #raw: Connection | undefined;
  readonly #commonSignal: CountingSignal | undefined;

  /**
   * @param plan What it does.
   * @param commonSignal A signal that others listen to as well.
   * @param random What it does it with.
   * @param log Is told what happens.
   */
  constructor(
    plan: SidePlan,
    commonSignal: CountingSignal,
    random: Random,
    log: (line: string) => void,
  ) {
    this.plan = plan;
    this.log = (line) =>
      log(`${Math.round(performance.now() - this.started)} ms ${plan.name} ${line}`);
    this.isCareless = random.chance(0.2);
    this.promises = new Promises(this.isCareless, (error) => this.judge.mayRefuseWith(error));
    this.#commonSignal = random.chance(0.3) ? commonSignal : undefined;
    const [write, read, end] = [random.fork(), random.fork(), random.fork()];
    this.writer = new Writer(this, write, new Producers(random.fork()));
    this.reader = new Reader(this, read);
    this.closer = new Closer(this, end);
  }

  /** The options of its next chat. */
  get chatOptions(): ChatOptions {
    const { ending, options } = this.plan;
    return {
      maxFrameLength: LONGEST_FRAME,
      ...options,
      signal: ending === "signal" ? this.signal : this.#commonSignal,
      encoding: this.#encodingOf(this.#chats.length),
      terminator: "\n",
    };
  }

  /** Puts what the plan wants between the transport and its chat. */
  readonly wrap = (raw: Connection): Connection => {
    this.#raw = raw;
    return this.connection = new MeteredConnection(chaos(raw, this.plan.chaos));
  };

  /**
   * Gives it its first chat.
   * @param chat The chat, over the connection that it has wrapped.
   * @param handled What a server waits for, if the chat is that of its handler.
   */
  begin(chat: Chat<Frame>, handled?: Deferred): void {
    if (this.connection === undefined) this.judge.fail("wrap was not called");
    this.#use(chat);
    this.handled = handled;
  }

  /** The chat that is used now. */
  get chat(): Chat<Frame> {
    return this.#chats.at(-1)!;
  }

  /** The encoding of the chat that is used now. */
  get encoding(): string | undefined {
    return this.#encodingOf(this.#chats.length - 1);
  }

  /** What has passed through all chats together. */
  get stats(): { bytesIn: number; bytesOut: number; framesIn: number; framesOut: number } {
    const sum = { bytesIn: 0, bytesOut: 0, framesIn: 0, framesOut: 0 };
    for (const { stats } of this.#chats) {
      for (const key of ["bytesIn", "bytesOut", "framesIn", "framesOut"] as const) {
        sum[key] += stats[key];
      }
    }
    return sum;
  }

  /** What it waits for. */
  get state(): string {
    if (this.#chats.length === 0) return `${this.plan.name} has no chat`;
    return `${this.plan.name} (${this.plan.ending}):\n` +
      `    writes: ${this.writer.state}, ${this.writer.sent} of ${this.plan.outgoing.messages.length}\n` +
      `    reads: ${this.reader.state}, ${this.reader.received} of ${this.plan.incoming.messages.length}\n` +
      `    ends: ${this.closer.state}\n` +
      `    promises: ${this.promises.waiting.join(", ") || "none"}\n` +
      `    connection: ${this.connection.underWay}\n` +
      `    stats: ${JSON.stringify(this.chat.stats)}`;
  }

  /** Plays its part, and resolves when the chat is closed and all its promises have settled. */
  async play(): Promise<void> {
    this.started = performance.now();
    const isSilent = this.plan.ending === "silence";
    const written = isSilent ? this.#beSilent() : this.writer.write();
    const tasks = isSilent ? written : Promise.all([written, this.reader.read()]);
    tasks.catch(() => {});
    await this.closer.end(written, tasks);
    await tasks;
    this.closer.state = "waits for closed";
    let error: Error | undefined;
    for (const chat of this.#chats) error ??= await chat.closed;
    this.log(`is closed: ${error}`);
    if (error !== undefined) this.judge.allowEnd(error, "closed");
    if (this.isIdle) await this.#readRest();
    this.closer.state = "waits for promises";
    await this.promises.settled();
    this.handled?.resolve();
    this.closer.state = "is over";
  }

  async peerIsOver(): Promise<void> {
    while (!this.peer.isOver) await delay(5);
  }

  /** Makes its connection go away. */
  vanish(): void {
    this.#raw?.close();
  }

  /** Leaves nothing behind, whatever has happened. */
  abandon(): void {
    this.vanish();
    for (const chat of this.#chats) chat.close();
    this.handled?.resolve();
  }

  /** Goes on with a new chat over the same connection, if that may be handed on. */
  handOver(): void {
    if (!this.reader.isBetweenFrames || this.isEnding || this.isOver) return;
    const detached = this.#detach();
    if (detached === undefined) return;
    this.#use(new Chat<Frame>(detached.connection, this.chatOptions, detached.unread));
    this.log(`went on with a new chat, ${detached.unread.length} bytes unread`);
  }

  #encodingOf(at: number): string | undefined {
    const { encodings } = this.plan;
    return encodings[at % encodings.length];
  }

  #use(chat: Chat<Frame>): void {
    this.#chats.push(chat);
    chat.closed.then(() => {
      if (chat === this.chat) this.isOver = true;
    });
  }

  /** Nothing, if the connection broke before. */
  #detach(): Detached | undefined {
    try {
      return this.chat.detach();
    } catch (error) {
      const { cause } = error as ClosedError;
      if (!(error instanceof ClosedError) || cause === undefined) throw error;
      this.judge.allowEnd(cause, "detach()");
      return undefined;
    }
  }

  /** What had arrived while it was idle can still be read, if it did not close the chat itself. */
  async #readRest(): Promise<void> {
    this.closer.state = "waits until the rest is read";
    this.isIdle = false;
    await this.reader.read();
  }

  async #beSilent(): Promise<void> {
    this.writer.state = this.reader.state = "is silent";
    await this.peerIsOver();
  }
}
