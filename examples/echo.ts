/**
 * The ECHO protocol, both halves. A request is a line that says how many bytes follow it, and these bytes:
 *
 *     C: ECHO 5\n
 *     C: hello
 *     S: hello            and the server closes
 *
 * What is no such request is answered with a line, and a close:
 *
 *     C: ECHO banana\n
 *     S: ERR ...\n
 */
import { type Chat, FrameTooLongError, IncompleteFrameError } from "../mod.ts";
import { describe } from "./describe.ts";

/** Says what happens, one event at a time: `log("frame", '8 bytes  "ECHO 166"')`. */
export type Log = (event: string, detail: string) => void;

const PIECE = 128;
const text = new TextDecoder();

/** Answers one request. The chat begins with the terminator `"\n"`; its `maxFrameLength` is the longest message. */
export async function answerEcho(chat: Chat, log: Log = () => {}): Promise<void> {
  await using _ = chat; // whatever happens, what was pushed is sent, and the chat is closed
  try {
    for await (const frame of chat) {
      log("frame", describe(frame));
      if (chat.terminator === "\n") {
        chat.terminator = parseRequest(text.decode(frame), chat.maxFrameLength);
        log("terminator", String(chat.terminator));
      } else {
        chat.push(inPieces(frame, log));
        break;
      }
    }
  } catch (error) {
    if (!(error instanceof RangeError || error instanceof FrameTooLongError)) throw error;
    log("refuse", error.message);
    chat.push(`ERR ${error.message}\n`);
  }
}

/** Sends a message, and returns what comes back. What the server refuses is a `RangeError` with its words. */
export async function requestEcho(
  chat: Chat,
  message: Uint8Array,
  log: Log = () => {},
): Promise<Uint8Array> {
  await using _ = chat;
  const request = `ECHO ${message.length}\n`;
  log("push", describe(request));
  chat.push(request, inPieces(message, log));

  chat.terminator = message.length;
  log("terminator", String(chat.terminator));
  const copy = await chat.read().catch((error: unknown) => {
    const refusal = error instanceof IncompleteFrameError ? text.decode(error.bytes) : "";
    throw refusal.startsWith("ERR ") ? new RangeError(refusal.trimEnd()) : error;
  });
  if (copy === null) throw new Error("the server closed without an answer");
  log("frame", describe(copy));
  return copy;
}

/** Whether what came back is what was sent. */
export function isCopy(copy: Uint8Array, message: Uint8Array): boolean {
  return copy.length === message.length && copy.every((byte, at) => byte === message[at]);
}

/** A producer: asked for the next piece when the one before is on its way. */
async function* inPieces(message: Uint8Array, log: Log): AsyncGenerator<Uint8Array> {
  for (let start = 0; start < message.length; start += PIECE) {
    const piece = message.subarray(start, start + PIECE);
    log("piece", describe(piece));
    yield piece;
  }
}

function parseRequest(line: string, longest: number): number {
  const length = Number(/^ECHO (\d+)\r?$/.exec(line)?.[1] ?? NaN);
  if (length <= longest) return length;
  const met = JSON.stringify(line.slice(0, 40));
  throw new RangeError(`expected "ECHO LENGTH" with a length from 0 to ${longest}, not ${met}`);
}
