import {
  type Chat,
  ChatError,
  FrameTooLongError,
  IncompleteFrameError,
  TimeoutError,
} from "../../mod.ts";
import { Body, framingOf } from "./body.ts";
import { HttpError } from "./error.ts";
import type { Fields } from "./fields.ts";
import { HEAD, LONGEST_HEAD, parseRequestHead, type RequestHead } from "./head.ts";
import { encodeResponse, type Response } from "./response.ts";

export type Handler = (request: Request) => Response | Promise<Response>;

/** Limits. Times are in milliseconds. */
export interface HttpOptions {
  /** The longest body, in bytes. Default: 1 MiB. */
  readonly maxBody?: number;
  /** How long a head may take, and how long a connection is kept for the next one. Default: 10 s. */
  readonly headTimeout?: number;
  /** How long a body may take. Default: 5 minutes. */
  readonly bodyTimeout?: number;
  /** Is told what a handler has thrown, or has returned that cannot be sent. Default: `console.error`. */
  readonly onError?: (error: unknown) => void;
}

/** The options of a chat that `serveHttp()` serves. */
export const HTTP: { readonly terminator: typeof HEAD; readonly maxFrameLength: number } = {
  terminator: HEAD,
  maxFrameLength: LONGEST_HEAD,
};

/** What of a body that no handler has read is read, so that the connection can be kept. */
const MOST_SKIPPED = 256 * 1024;

/** A request, whose body has not been read yet. */
export class Request implements RequestHead {
  readonly method: string;
  readonly target: string;
  readonly version: "1.0" | "1.1";
  readonly fields: Fields;
  readonly body: Body;

  constructor({ method, target, version, fields }: RequestHead, body: Body) {
    this.method = method;
    this.target = target;
    this.version = version;
    this.fields = fields;
    this.body = body;
  }

  /**
   * Where the target leads (RFC 9112, section 3.2).
   * @throws {HttpError} 400
   */
  get url(): URL {
    const base = `http://${this.fields.get("host") || "localhost"}`;
    const target = this.target.startsWith("/") ? base + this.target : this.target;
    try {
      return new URL(target);
    } catch {
      throw new HttpError(400, `the target cannot be ${JSON.stringify(this.target.slice(0, 80))}`);
    }
  }
}

/**
 * Serves HTTP/1.1 (RFC 9112) over a chat, request by request, until one side wants no more. What is no HTTP is answered with the
 * status that says so, and ends the conversation: what follows it cannot be told from it.
 *
 * ```text
 *   head ──▶ "\r\n\r\n" ──▶ body: a count ──────────────┐
 *    ▲                      chunks: a line, a count, ... ├──▶ handler ──▶ response ──▶ kept?
 *    │                      nothing ────────────────────┘                              │
 *    └──────────────────────────────── yes ────────────────────────────────────────────┘
 * ```
 */
export async function serveHttp(
  chat: Chat,
  handler: Handler,
  options: HttpOptions = {},
): Promise<void> {
  const { headTimeout = 10_000 } = options;
  try {
    for (let keep = true; keep;) {
      const head = await chat.readText(HEAD, { timeout: headTimeout });
      if (head === null) return;
      if (head === "") continue; // an empty line before a request (RFC 9112, section 2.2)
      keep = await answer(chat, readRequest(chat, head, options), handler, options);
    }
  } catch (error) {
    if (error instanceof TimeoutError && chat.stats.buffered === 0) return; // it had nothing to ask
    const status = statusOf(error);
    if (status === undefined) throw error;
    const { items } = encodeResponse(
      { status, body: `${(error as Error).message}\n` },
      { method: "GET", version: "1.1" },
      false,
    );
    chat.push(...items);
  }
}

function readRequest(
  chat: Chat,
  text: string,
  { maxBody = 1024 * 1024, bodyTimeout = 300_000 }: HttpOptions,
): Request {
  const head = parseRequestHead(text);
  const expected = head.fields.get("expect")?.toLowerCase();
  if (expected !== undefined && expected !== "100-continue") {
    throw new HttpError(417, `Expect cannot be ${JSON.stringify(expected.slice(0, 80))}`);
  }
  const body = new Body(chat, framingOf(head.fields, head.version) ?? 0, {
    limit: maxBody,
    timeout: bodyTimeout,
    // Who expects to be told to go on is told when the body is wanted (RFC 9110, section 10.1.1).
    onStart: () => expected && head.version === "1.1" && chat.push("HTTP/1.1 100 Continue\r\n\r\n"),
  });
  return new Request(head, body);
}

/** Answers a request, and returns whether another one can follow it. */
async function answer(
  chat: Chat,
  request: Request,
  handler: Handler,
  options: HttpOptions,
): Promise<boolean> {
  const { onError = console.error } = options;
  const { body } = request;
  try {
    const [response, isFine] = await respond(request, handler, onError);
    // What yields the answer may be what reads the request.
    const isWhole = response.body === undefined || typeof response.body === "string" ||
      response.body instanceof Uint8Array;
    const wish = isFine && wantsToKeep(request) &&
      (!isWhole || body.isComplete || await isOver(request));
    const { items, keep } = encode(response, request, wish, onError);
    // "100 Continue" has its place before the answer: in it, or behind it, it would be taken for something else.
    if (items.length > 1 && !isWhole) body.want();
    await chat.push(...items);
    if (isWhole) return keep;
    await chat.flush();
    return keep && await isOver(request);
  } finally {
    body.leave();
  }
}

/** What the handler says, and whether the conversation can go on after it. */
async function respond(
  request: Request,
  handler: Handler,
  onError: (error: unknown) => void,
): Promise<[Response, isFine: boolean]> {
  try {
    return [await handler(request), true];
  } catch (error) {
    const status = statusOf(error);
    if (status !== undefined) return [{ status, body: `${(error as Error).message}\n` }, false];
    if (error instanceof ChatError) throw error; // the client is gone
    onError(error);
    return [{ status: 500, body: "something went wrong here\n" }, false];
  }
}

function encode(
  response: Response,
  request: Request,
  keep: boolean,
  onError: (error: unknown) => void,
): ReturnType<typeof encodeResponse> {
  try {
    return encodeResponse(response, request, keep);
  } catch (error) {
    onError(error);
    return encodeResponse({ status: 500, body: "something went wrong here\n" }, request, false);
  }
}

/** RFC 9112, section 9.3 */
function wantsToKeep({ version, fields }: Request): boolean {
  if (fields.lists("connection", "close")) return false;
  return version === "1.1" || fields.lists("connection", "keep-alive");
}

/** Whether the body was read, or could be passed over. Who still waits to be told to go on may send it, or may not. */
async function isOver({ body, fields }: Request): Promise<boolean> {
  if (body.isComplete) return true;
  if (!body.isWanted && fields.has("expect")) return false;
  return await body.skip(MOST_SKIPPED);
}

/** What a client is told of what it has sent; `undefined` if that was not what went wrong. */
function statusOf(error: unknown): number | undefined {
  if (error instanceof HttpError) return error.status;
  if (error instanceof FrameTooLongError) return 431;
  if (error instanceof IncompleteFrameError) return 400;
  if (error instanceof TimeoutError) return 408;
  return undefined;
}
