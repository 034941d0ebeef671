import { type Chat, ClosedError, type Frame } from "../../../mod.ts";
import { isEqual } from "../bytes.ts";
import { delay } from "./delay.ts";
import { describe } from "./failure.ts";
import { type Message, payloadBytes } from "./messages.ts";
import type { Random } from "./random.ts";
import type { Side } from "./side.ts";
import { readBy, STICKY_WAYS, WAYS } from "./ways.ts";

/** Reads what the peer of one end has to say, and compares it with what must come. */
export class Reader {
  readonly side: Side;
  readonly random: Random;
  /** How many messages were read or skipped, and how many bytes of the tail were read. */
  received = 0;
  tailReceived = 0;
  /** How many frames the chats handed out, where that is known. */
  framesRead = 0;
  framesAreKnown = true;
  /** Whether nothing of a frame that was begun is still to come, so that the connection may be handed on. */
  isBetweenFrames = true;
  /** What it waits for. */
  state = "not begun";
  /** The encoding of the chat that is read. */
  #encoding: string | undefined;

  constructor(side: Side, random: Random) {
    this.side = side;
    this.random = random;
  }

  /** The message that comes next. */
  get next(): Message | undefined {
    return this.side.plan.incoming.messages[this.received];
  }

  /** Reads all, unless the chat ends or is idle before. */
  async read(): Promise<void> {
    const { ending, incoming: { messages, tail } } = this.side.plan;
    let goesOn = !this.side.isIdle;
    while (goesOn && this.next !== undefined) {
      goesOn = await this.#readSome() && !this.side.isIdle;
    }
    if (goesOn && tail !== undefined) await this.#patiently(() => this.#readTail(tail));
    else if (goesOn && ending === "closeWrite()") await this.#patiently(() => this.#readEnd());
    this.state = "is done";
    this.side.log(`has read ${this.received} of ${messages.length}`);
  }

  /** Notes a frame, which must be the next one. Returns whether more may come. */
  take(frame: Frame | null): boolean {
    if (frame === null) return this.takeEnd();
    this.framesRead++;
    const message = this.next;
    if (message === undefined) {
      this.side.judge.fail(`got a frame more than was sent: ${describe(frame)}`);
    }
    if (!this.#isPayload(frame, message)) {
      if (!this.side.judge.mayBePart) {
        this.side.judge.fail(`message ${this.received} (${message.name}) is not what was sent`);
      }
      this.side.log("got a frame that may be a part");
      return false;
    }
    this.isBetweenFrames = true;
    this.takeOne();
    // A frame is the caller's: what is written into it is seen by nobody else.
    if (frame instanceof Uint8Array && this.random.chance(0.2)) frame.fill(0xdd);
    return true;
  }

  /** Notes that a message has passed. */
  takeOne(): void {
    this.received++;
    this.side.onProgress();
  }

  /** Notes the end of the stream, which must be in its place. Returns that no more may come. */
  takeEnd(): false {
    const { judge, plan: { incoming: { messages, tail } } } = this.side;
    const isAll = this.received === messages.length && (tail?.length ?? 0) === this.tailReceived;
    if (!isAll && !judge.mayBeCut && judge.readsAll) {
      judge.fail(`the stream ended after ${this.received} of ${messages.length} messages`);
    }
    return false;
  }

  /** Reads a message, or some. Returns whether more may come. */
  async #readSome(): Promise<boolean> {
    const { plan, log } = this.side;
    this.state = "waits for a timer";
    if (this.random.chance(0.05)) await delay(this.random.below(4));
    const way = this.random.pick(plan.isSticky ? STICKY_WAYS : WAYS);
    this.state = `reads with ${way}`;
    const goesOn = await this.#patiently((chat) => readBy(way, this, chat));
    log(`has read ${this.received} messages, the last with ${way}`);
    return goesOn;
  }

  /** Does it, again if the chat was detached meanwhile. Returns whether more may come. */
  async #patiently(read: (chat: Chat<Frame>) => Promise<boolean>): Promise<boolean> {
    for (;;) {
      const { chat, encoding, judge, log } = this.side;
      this.#encoding = encoding;
      try {
        return await read(chat);
      } catch (error) {
        if (chat !== this.side.chat && error instanceof ClosedError) continue;
        log(`reads no more: ${error}`);
        judge.allowReadEnd(error, `reading message ${this.received}`);
        return false;
      }
    }
  }

  #isPayload(frame: Frame, message: Message): boolean {
    if (typeof frame !== "string") return isEqual(frame, payloadBytes(message));
    const { payload } = message;
    const encoding = this.#encoding ?? "utf-8";
    if (typeof payload === "string" && encoding === "utf-8") return frame === payload;
    const decoder = new TextDecoder(encoding, { ignoreBOM: true });
    return frame === decoder.decode(payloadBytes(message));
  }

  async #readTail(tail: Uint8Array): Promise<boolean> {
    const { chat, judge } = this.side;
    this.state = "reads the tail";
    const take = (bytes: Uint8Array): void => {
      const sent = tail.subarray(this.tailReceived, this.tailReceived + bytes.length);
      if (!isEqual(bytes, sent) && !this.side.hasDiscarded) {
        judge.fail(`the tail is not what was sent, near ${this.tailReceived}`);
      }
      this.tailReceived += bytes.length;
    };
    if (this.random.chance(0.5)) {
      for await (const piece of chat.stream(null)) take(piece);
      this.framesAreKnown = false;
    } else {
      for (;;) {
        const bytes = await chat.readBytes(null);
        if (bytes === null) break;
        this.framesRead++;
        take(bytes);
      }
    }
    return this.takeEnd();
  }

  async #readEnd(): Promise<boolean> {
    const { chat, plan } = this.side;
    this.state = "reads the end";
    if (chat.terminator === 0) chat.terminator = "\n";
    return this.take(await (plan.isSticky ? chat.read() : chat.read("\n")));
  }
}
