/** The ways to read a message, or some. */
import {
  type Chat,
  type Frame,
  FrameTooLongError,
  IncompleteFrameError,
  type Terminator,
  TimeoutError,
} from "../../../mod.ts";
import { isEqual } from "../bytes.ts";
import { CountingSignal } from "../counting_signal.ts";
import { delay } from "./delay.ts";
import { type Message, payloadBytes } from "./messages.ts";
import type { Reader } from "./reader.ts";

export type Way =
  | "read()"
  | "readBytes()"
  | "readText()"
  | "read() with a timeout"
  | "read() with a signal"
  | "reads at once"
  | "read() of too much"
  | "stream()"
  | "a loop"
  | "batches()";

export const WAYS: readonly Way[] = [
  "read()",
  "readBytes()",
  "readText()",
  "read() with a timeout",
  "read() with a signal",
  "reads at once",
  "read() of too much",
  "stream()",
];

/** Loops read by the terminator that is set. */
export const STICKY_WAYS: readonly Way[] = [...WAYS, "a loop", "a loop", "batches()", "batches()"];

export const LONGEST_FRAME: number = 16 * 1024 * 1024;

/** What a read is given up with. */
const GIVEN_UP = new Error("the read is given up");

/** A read of one message: by whom, of what, and with its own terminator, or by the one that is set. */
interface Reading {
  readonly reader: Reader;
  readonly chat: Chat<Frame>;
  readonly message: Message;
  readonly once: Terminator | undefined;
}

/** Reads the next message in this way, or some. Returns whether more may come. */
export async function readBy(way: Way, reader: Reader, chat: Chat<Frame>): Promise<boolean> {
  const { isSticky } = reader.side.plan;
  const message = reader.next!;
  const { terminator } = message;
  if (isSticky) setTerminator(chat, terminator);
  const once = isSticky ? undefined : terminator;
  const reading = { reader, chat, message, once };
  switch (way) {
    case "read()":
      return reader.take(await chat.read(once));
    case "readBytes()":
      return reader.take(await chat.readBytes(once));
    case "readText()":
      return reader.take(await chat.readText(once));
    case "read() with a timeout":
      return await readInTime(reading);
    case "read() with a signal":
      return await readWithSignal(reading);
    case "reads at once":
      return await readTogether(reading);
    case "read() of too much":
      return await readTooMuch(reading);
    case "stream()":
      return await readPieces(reading);
    case "a loop":
      return await readInLoop(reading);
    case "batches()":
      return await readInBatches(reading);
  }
}

async function readInTime({ reader, chat, once }: Reading): Promise<boolean> {
  const timeout = reader.random.below(4);
  try {
    return reader.take(await chat.read(once, { timeout }));
  } catch (error) {
    if (!(error instanceof TimeoutError)) throw error;
    return true;
  }
}

async function readWithSignal({ reader, chat, once }: Reading): Promise<boolean> {
  const signal = new CountingSignal();
  reader.side.signals.push(signal);
  const timer = setTimeout(() => signal.abort(GIVEN_UP), reader.random.below(4));
  try {
    return reader.take(await chat.read(once, { signal }));
  } catch (error) {
    if (error !== GIVEN_UP) throw error;
    return true;
  } finally {
    clearTimeout(timer);
  }
}

async function readTogether({ reader, chat, message, once }: Reading): Promise<boolean> {
  const { side } = reader;
  const { plan: { incoming }, judge } = side;
  const next = incoming.messages.slice(reader.received, reader.received + 4);
  const isOther = ({ terminator }: Message): boolean => terminator !== message.terminator;
  const others = message.terminator === 0 ? 1 : next.findIndex(isOther);
  const isSticky = once === undefined;
  const asked = isSticky && others > 0 ? next.slice(0, others) : next;
  const frames = await Promise.allSettled(
    asked.map(({ terminator }) => chat.read(isSticky ? undefined : terminator)),
  );
  let isOpen = true;
  for (const [at, frame] of frames.entries()) {
    if (isOpen) {
      if (frame.status === "rejected") {
        // Behind a frame that the end cut off comes the end, and any frames of a count of 0.
        reader.framesAreKnown = false;
        const isCut = frame.reason instanceof IncompleteFrameError || side.hasDiscarded;
        if (!isCut && frames.slice(at).some(({ status }) => status === "fulfilled")) {
          judge.fail(`a read was answered after one that failed: ${frame.reason}`);
        }
        throw frame.reason;
      }
      isOpen = reader.take(frame.value);
    } else if (frame.status === "fulfilled" && frame.value !== null) {
      // At the end of the stream a count of 0 still has its frame.
      if (asked[at]!.terminator !== 0 && !side.hasDiscarded) {
        judge.fail("a read got a frame after the end");
      }
      reader.framesRead++;
    }
  }
  return isOpen;
}

async function readTooMuch({ reader, chat, message, once }: Reading): Promise<boolean> {
  if (message.length < 4) return reader.take(await chat.read(once));
  const { judge } = reader.side;
  reader.isBetweenFrames = false;
  chat.maxFrameLength = message.length >> 1;
  try {
    const frame = await chat.read(once);
    if (frame === null) return reader.takeEnd();
    if (!judge.mayBePart) {
      judge.fail(`message ${reader.received} (${message.name}) is too long, and was read`);
    }
    reader.framesRead++;
    return false;
  } catch (error) {
    if (!(error instanceof FrameTooLongError)) throw error;
    reader.takeOne();
    return true;
  } finally {
    chat.maxFrameLength = LONGEST_FRAME;
  }
}

async function readPieces({ reader, chat, message, once }: Reading): Promise<boolean> {
  const { random, side: { judge, log, plan } } = reader;
  const left = random.chance(0.3) ? random.below(5) : Infinity;
  const payload = payloadBytes(message);
  let at = 0;
  let pieces = 0;
  reader.isBetweenFrames = false;
  for await (const piece of chat.stream(once)) {
    if (pieces++ === left) {
      reader.takeOne();
      return true;
    }
    if (!isEqual(piece, payload.subarray(at, at + piece.length))) {
      if (!judge.mayBePart) {
        judge.fail(`a piece of message ${reader.received} (${message.name}) is not what was sent`);
      }
      reader.framesAreKnown = false;
      return false;
    }
    at += piece.length;
    if (random.chance(0.05)) await delay(random.below(3));
  }
  if (at === payload.length) {
    reader.framesRead++;
    reader.isBetweenFrames = true;
    reader.takeOne();
    return true;
  }
  if (plan.options.incomplete === "yield") reader.framesRead++;
  log(`got ${at} of ${payload.length} bytes of message ${reader.received}`);
  return reader.takeEnd();
}

async function readInLoop({ reader, chat }: Reading): Promise<boolean> {
  const { random } = reader;
  for await (const frame of chat) {
    if (!reader.take(frame)) return false;
    if (reader.next === undefined || random.chance(0.2)) return true;
    if (random.chance(0.05)) await delay(random.below(3));
    setTerminator(chat, reader.next.terminator);
  }
  return reader.takeEnd();
}

async function readInBatches({ reader, chat }: Reading): Promise<boolean> {
  for await (const batch of chat.batches()) {
    for (const frame of batch) {
      if (!reader.take(frame)) return false;
      if (reader.next === undefined || reader.random.chance(0.1)) return true;
      setTerminator(chat, reader.next.terminator);
    }
  }
  return reader.takeEnd();
}

/** Sets it where that makes a difference: a count of 0 that was set has one frame at the end of the stream. */
function setTerminator(chat: Chat<Frame>, terminator: Terminator): void {
  if (chat.terminator !== terminator || terminator === 0) chat.terminator = terminator;
}
