import {
  type Chat,
  type ChatError,
  connect,
  type ConnectOptions,
  IncompleteFrameError,
} from "../../mod.ts";
import { Body, type BodyFraming, framingOf } from "./body.ts";
import { HttpError } from "./error.ts";
import { checkField } from "./fields.ts";
import { HEAD, LONGEST_HEAD, parseResponseHead, type ResponseHead } from "./head.ts";

/** Limits. Times are in milliseconds. */
export interface ClientOptions {
  /** How many redirects are followed. Default: 10. */
  readonly maxRedirects?: number;
  /** The longest body, in bytes. Default: 16 MiB. */
  readonly maxBody?: number;
  /** How long connecting, the head of an answer, and each silence of a server may take. Default: 10 s. */
  readonly timeout?: number;
  /** How many connections that wait for the next request are kept for a server. Default: 4. */
  readonly maxIdle?: number;
  /** Ends whatever is under way. */
  readonly signal?: AbortSignal;
  /** What `connect()` is told of TLS, for `https:`. */
  readonly tls?: ConnectOptions["tls"];
}

/** What is asked beside the URL. */
export interface RequestOptions {
  readonly method?: "GET" | "HEAD";
  readonly fields?: Readonly<Record<string, string>> | undefined;
  /** Whether a redirect may be followed: one that may not is the answer. Default: each may. */
  readonly mayFollow?: (to: URL) => boolean;
}

/** An answer, whose body has not been read yet: read it, or leave it by `close()`. */
export interface ClientResponse extends ResponseHead {
  /** Where it came from, after redirects. */
  readonly url: URL;
  readonly body: Body;
  /** Gives the connection up, with what is left of the body. Harmless when the body was read. */
  close(): void;
}

const REDIRECTS: readonly number[] = [301, 302, 303, 307, 308];
/** What of a redirect's own body is read, so that the connection can be kept. */
const MOST_SKIPPED = 64 * 1024;
/** How many answers such as 103 may come before the one that was asked for. */
const MOST_INTERIM = 20;

/** A connection that waits for the next request. */
interface Kept {
  readonly chat: Chat;
  /** Is aborted when it is used again. */
  readonly use: AbortController;
}

/** A connection that was used before may be closed by the server just when it is used again (RFC 9112, section 9.3.1). */
class StaleConnectionError extends Error {}

/**
 * A client for HTTP/1.1 (RFC 9112), which keeps connections for the next request to the same server.
 *
 *     const response = await client.get(new URL("http://127.0.0.1:8000/"));
 *     for await (const piece of response.body) console.log(piece.length);
 */
export class HttpClient {
  readonly #options: ClientOptions;
  readonly #idle: Map<string, Kept[]> = new Map();
  #isClosed = false;

  constructor(options: ClientOptions = {}) {
    this.#options = options;
  }

  /**
   * Asks for a URL, and follows redirects.
   * @throws {HttpError} 502 and others, if what is answered is no HTTP; 310 after too many redirects
   * @throws {ChatError} If there is no connection, or it breaks, or the server is silent.
   */
  async get(url: URL, options: RequestOptions = {}): Promise<ClientResponse> {
    const { maxRedirects = 10 } = this.#options;
    const { mayFollow = () => true } = options;
    let at = url;
    for (let redirects = 0; redirects <= maxRedirects; redirects++) {
      const fields = at.origin === url.origin ? options.fields : withoutSecrets(options.fields);
      const response = await this.#ask(at, { ...options, fields });
      const to = redirectOf(response);
      if (to === undefined || !mayFollow(to)) return response;
      await response.body.skip(MOST_SKIPPED);
      response.close();
      at = to;
    }
    throw new HttpError(310, `more than ${maxRedirects} redirects from ${url.href}`);
  }

  /** Closes the connections that wait, and keeps none any more. */
  close(): void {
    this.#isClosed = true;
    for (const { chat } of [...this.#idle.values()].flat()) chat.close();
    this.#idle.clear();
  }

  async #ask(url: URL, options: RequestOptions): Promise<ClientResponse> {
    const kept = this.#take(url.origin);
    if (kept !== undefined) {
      try {
        return await this.#converse(kept, url, options, true);
      } catch (error) {
        if (!(error instanceof StaleConnectionError)) throw error;
      }
    }
    return await this.#converse(await this.#connect(url), url, options, false);
  }

  /** Sends a request, and reads the head of the answer to it. */
  async #converse(
    chat: Chat,
    url: URL,
    { method = "GET", fields = {} }: RequestOptions,
    isKept: boolean,
  ): Promise<ClientResponse> {
    const { timeout = 10_000, maxBody = 16 * 1024 * 1024 } = this.#options;
    let isAnswered = false;
    try {
      chat.push(encodeRequest(url, method, fields));
      for (let interim = 0; interim <= MOST_INTERIM; interim++) {
        const text = await chat.readText(HEAD, { timeout });
        if (text === null) throw new HttpError(502, "the server closed without an answer");
        isAnswered = true;
        const head = parseResponseHead(text);
        // RFC 9110, section 15.2; there is nothing here that one could switch to.
        if (head.status === 101) throw new HttpError(502, "the server changed the protocol");
        if (head.status >= 200) {
          return this.#respond(chat, url, head, bodyOf(head, method), maxBody);
        }
      }
      throw new HttpError(502, "the server does not come to the point");
    } catch (error) {
      chat.close();
      const isStale = isKept && !isAnswered && !(error instanceof IncompleteFrameError) &&
        (error instanceof HttpError || (error as ChatError).code !== "timeout");
      throw isStale ? new StaleConnectionError("the server closed", { cause: error }) : error;
    }
  }

  #respond(
    chat: Chat,
    url: URL,
    head: ResponseHead,
    framing: BodyFraming,
    limit: number,
  ): ClientResponse {
    const body = new Body(chat, framing, {
      limit,
      timeout: LONGEST_BODY,
      onEnd: () => {
        if (framing !== "until-close" && staysOpen(head)) this.#keep(url.origin, chat);
        else chat.close();
      },
      onBreak: () => chat.close(),
    });
    const close = (): void => {
      if (body.isComplete) return;
      body.leave();
      chat.close();
    };
    return { ...head, url, body, close };
  }

  async #connect({ protocol, hostname, port }: URL): Promise<Chat> {
    const { timeout = 10_000, signal, tls = true } = this.#options;
    const isSecure = protocol === "https:";
    if (!isSecure && protocol !== "http:") {
      throw new TypeError(`only http: and https: are spoken here, not ${protocol}`);
    }
    return await connect({
      hostname,
      port: Number(port || (isSecure ? 443 : 80)),
      terminator: HEAD,
      maxFrameLength: LONGEST_HEAD,
      idleTimeout: timeout,
      timeout,
      ...isSecure ? { tls } : {},
      ...signal === undefined ? {} : { signal },
    });
  }

  /** An origin has its protocol: what is asked by `https:` never goes over a connection that is in clear. */
  #take(origin: string): Chat | undefined {
    const kept = this.#idle.get(origin)?.pop();
    kept?.use.abort();
    return kept?.chat;
  }

  #keep(origin: string, chat: Chat): void {
    const { maxIdle = 4 } = this.#options;
    const kept = this.#idle.get(origin) ?? [];
    // Bytes that are here before anything was asked answer nothing: whose they are cannot be told.
    if (this.#isClosed || kept.length >= maxIdle || chat.stats.buffered > 0) return chat.close();
    const one = { chat, use: new AbortController() };
    this.#idle.set(origin, [...kept, one]);
    void this.#guard(origin, one);
  }

  /** A server that says something before it is asked, or closes, is not asked again over that connection. */
  async #guard(origin: string, { chat, use }: Kept): Promise<void> {
    await chat.readBytes(null, { signal: use.signal }).catch(() => {});
    if (use.signal.aborted) return;
    chat.close();
    const others = this.#idle.get(origin)?.filter((one) => one.chat !== chat);
    if (others !== undefined) this.#idle.set(origin, others);
  }
}

/** How long a body may take in all, in milliseconds. */
const LONGEST_BODY = 300_000;

function encodeRequest(url: URL, method: string, fields: Readonly<Record<string, string>>): string {
  let lines = "";
  for (
    const [name, value] of Object.entries({ "User-Agent": "asynchat", Accept: "*/*", ...fields })
  ) {
    checkField(name, value);
    lines += `${name}: ${value}\r\n`;
  }
  return `${method} ${url.pathname}${url.search} HTTP/1.1\r\nHost: ${url.host}\r\n${lines}\r\n`;
}

/** How the body of an answer is told from what follows it (RFC 9112, section 6.3). */
function bodyOf({ status, fields, version }: ResponseHead, method: string): BodyFraming {
  if (method === "HEAD" || status === 204 || status === 304) return 0;
  return framingOf(fields, version) ?? "until-close";
}

/** RFC 9112, section 9.3 */
function staysOpen({ version, fields }: ResponseHead): boolean {
  if (fields.lists("connection", "close")) return false;
  return version === "1.1" || fields.lists("connection", "keep-alive");
}

/**
 * Where an answer sends on to, if it does.
 * @throws {HttpError} 502 if nobody can go there.
 */
function redirectOf({ status, fields, url, close }: ClientResponse): URL | undefined {
  const location = fields.get("location");
  if (location === undefined || !REDIRECTS.includes(status)) return undefined;
  if (URL.canParse(location, url.href)) {
    const to = new URL(location, url);
    if (/^https?:$/.test(to.protocol) && to.port !== "0") return to;
  }
  close();
  throw new HttpError(502, `Location cannot be ${JSON.stringify(location.slice(0, 80))}`);
}

/** What was meant for one server is not told to another one. */
const SECRETS: readonly string[] = ["authorization", "cookie", "proxy-authorization"];

function withoutSecrets(fields: RequestOptions["fields"] = {}): RequestOptions["fields"] {
  return Object.fromEntries(
    Object.entries(fields).filter(([name]) => !SECRETS.includes(name.toLowerCase())),
  );
}
