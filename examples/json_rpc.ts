/**
 * JSON-RPC messages as the Language Server Protocol frames them ("Base Protocol"): a block of header lines that an empty line
 * ends, one of which says how many bytes of JSON follow.
 *
 *     Content-Length: 40\r\n
 *     \r\n
 *     {"jsonrpc":"2.0","method":"initialized"}
 */
import { type Framing, MalformedFrameError } from "../mod.ts";

/** A request has a method and an id, a notification a method, and a response an id and a result or an error. */
export interface Message {
  readonly id?: number | string | null;
  readonly method?: string;
  readonly params?: unknown;
  readonly result?: unknown;
  readonly error?: { readonly code: number; readonly message: string };
}

const text = new TextDecoder();
const encoder = new TextEncoder();

/** The framing. What has the right length and is no JSON is a `SyntaxError` in place of a message. */
export const jsonRpc: Framing<Message | SyntaxError> = {
  *decode() {
    const length = contentLength(yield "\r\n\r\n");
    return { message: parse(yield length) };
  },
  encode(message) {
    const body = JSON.stringify({ jsonrpc: "2.0", ...message });
    return `Content-Length: ${encoder.encode(body).length}\r\n\r\n${body}`;
  },
};

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
