import { Chat, ClosedError, type Connection, type Detached, type Frame } from "../../../mod.ts";
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
  readonly connection: MeteredConnection;
  /** The chat that is used now. */
  chat: Chat<Frame>;
  peer!: Side;
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
  readonly started: number = performance.now();
  /** Is told what happens. */
  readonly log: (line: string) => void;
  /** Is called when a message has been sent or received. */
  onProgress: () => void = () => {};
  isEnding = false;
  /** Whether it waits for `closed`, and does nothing else. */
  isIdle = false;
  isOver = false;
  hasDiscarded = false;
  /** The chats that were detached. */
  readonly #former: Chat<Frame>[] = [];
  readonly #commonSignal: CountingSignal | undefined;

  /**
   * @param plan What it does.
   * @param connection Its connection.
   * @param breakConnection Makes it vanish.
   * @param commonSignal A signal that others listen to as well.
   * @param random What it does it with.
   * @param log Is told what happens.
   */
  constructor(
    plan: SidePlan,
    connection: Connection,
    breakConnection: () => void,
    commonSignal: CountingSignal,
    random: Random,
    log: (line: string) => void,
  ) {
    this.plan = plan;
    this.connection = new MeteredConnection(connection);
    this.log = (line) =>
      log(`${Math.round(performance.now() - this.started)} ms ${plan.name} ${line}`);
    this.isCareless = random.chance(0.2);
    this.promises = new Promises(this.isCareless, (error) => this.judge.mayRefuseWith(error));
    this.#commonSignal = random.chance(0.3) ? commonSignal : undefined;
    const [write, read, end] = [random.fork(), random.fork(), random.fork()];
    this.writer = new Writer(this, write, new Producers(random.fork()));
    this.reader = new Reader(this, read);
    this.closer = new Closer(this, end, breakConnection);
    this.chat = this.#makeChat(this.connection);
  }

  /** The encoding of the chat that is used now. */
  get encoding(): string | undefined {
    const { encodings } = this.plan;
    return encodings[this.#former.length % encodings.length];
  }

  /** What has passed through all chats together. */
  get stats(): { bytesIn: number; bytesOut: number; framesIn: number; framesOut: number } {
    const sum = { bytesIn: 0, bytesOut: 0, framesIn: 0, framesOut: 0 };
    for (const { stats } of [...this.#former, this.chat]) {
      for (const key of ["bytesIn", "bytesOut", "framesIn", "framesOut"] as const) {
        sum[key] += stats[key];
      }
    }
    return sum;
  }

  /** What it waits for. */
  get state(): string {
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
    const isSilent = this.plan.ending === "silence";
    const written = isSilent ? this.#beSilent() : this.writer.write();
    const tasks = isSilent ? written : Promise.all([written, this.reader.read()]);
    tasks.catch(() => {});
    await this.closer.end(written, tasks);
    await tasks;
    this.closer.state = "waits for closed";
    let error = await this.chat.closed;
    for (const former of this.#former) error ??= await former.closed;
    this.log(`is closed: ${error}`);
    if (error !== undefined) this.judge.allowEnd(error, "closed");
    if (this.isIdle) await this.#readRest();
    this.closer.state = "waits for promises";
    await this.promises.settled();
    this.closer.state = "is over";
  }

  async peerIsOver(): Promise<void> {
    while (!this.peer.isOver) await delay(5);
  }

  /** Goes on with a new chat over the same connection, if that may be handed on. */
  handOver(): void {
    if (!this.reader.isBetweenFrames || this.isEnding || this.isOver) return;
    const detached = this.#detach();
    if (detached === undefined) return;
    this.#former.push(this.chat);
    this.chat = this.#makeChat(detached.connection, detached.unread);
    this.log(`went on with a new chat, ${detached.unread.length} bytes unread`);
  }

  #makeChat(connection: Connection, unread?: Uint8Array): Chat<Frame> {
    const { ending, options } = this.plan;
    const chat = new Chat<Frame>(connection, {
      maxFrameLength: LONGEST_FRAME,
      ...options,
      signal: ending === "signal" ? this.signal : this.#commonSignal,
      encoding: this.encoding,
      terminator: "\n",
    }, unread);
    chat.closed.then(() => {
      if (chat === this.chat) this.isOver = true;
    });
    return chat;
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
