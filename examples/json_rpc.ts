/**
 * JSON-RPC messages as the Language Server Protocol frames them ("Base Protocol"): a block of header lines that an empty line
 * ends, one of which says how many bytes of JSON follow.
 *
 *     Content-Length: 40\r\n
 *     \r\n
 *     {"jsonrpc":"2.0","method":"initialized"}
 */
import { type Chat, MalformedFrameError } from "../mod.ts";

/** A request has a method and an id, a notification a method, and a response an id and a result or an error. */
export interface Message {
  readonly id?: number | string | null;
  readonly method?: string;
  readonly params?: unknown;
  readonly result?: unknown;
  readonly error?: { readonly code: number; readonly message: string };
}

const HEADER_END = "\r\n\r\n";
const text = new TextDecoder();

/** The messages, to the end of the stream. What has the right length and is no JSON is a `SyntaxError` in place of one. */
export async function* messages(chat: Chat): AsyncGenerator<Message | SyntaxError> {
  chat.terminator = HEADER_END;
  for await (const frame of chat) {
    if (chat.terminator === HEADER_END) {
      chat.terminator = contentLength(frame); // the next frame is so many bytes
    } else {
      chat.terminator = HEADER_END;
      yield parse(frame);
    }
  }
}

/** Sends one message. */
export function sendMessage(chat: Chat, message: Message): Promise<void> {
  const body = new TextEncoder().encode(JSON.stringify({ jsonrpc: "2.0", ...message }));
  return chat.push(`Content-Length: ${body.length}${HEADER_END}`, body);
}

function contentLength(header: Uint8Array): number {
  const length = /^content-length: *(\d+) *$/im.exec(text.decode(header))?.[1];
  if (length !== undefined) return Number(length);
  throw new MalformedFrameError("the header has no Content-Length", { bytes: header });
}

function parse(body: Uint8Array): Message | SyntaxError {
  try {
    return JSON.parse(text.decode(body));
  } catch (error) {
    return error as SyntaxError;
  }
}
