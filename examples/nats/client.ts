import { type Chat, connect, type ConnectOptions, type FramesOf } from "../../mod.ts";
import { tls } from "../../src/tls/mod.ts";
import { type Backoff, pause, waits } from "../backoff.ts";
import { NatsError } from "./error.ts";
import { encodeHeaders, type Headers, parseHeaders } from "./headers.ts";
import {
  checkQueue,
  checkSubject,
  encodeConnect,
  encodeHpub,
  encodePub,
  encodeSub,
  encodeUnsub,
  type MessageLine,
  type Operation,
  parseOperation,
  type ServerInfo,
} from "./operation.ts";
import { readServerUrl, type ServerAddress } from "./server_url.ts";

export interface NatsOptions {
  /** Where the servers are: `nats://127.0.0.1:4222`, `tls://user:password@host`, `nats://token@host`. Any of them will do. */
  readonly servers: readonly string[];
  /** What the client is called in the server's logs. */
  readonly name?: string;
  /** Whom to trust, where a server speaks TLS. */
  readonly tls?: ConnectOptions["tls"];
  /** How long connecting may take, and each answer, in milliseconds. Default: 5 s. */
  readonly timeout?: number;
  /** How often the server is asked whether it is there, in milliseconds; if it has not answered twice, it is not. Default: 30 s. */
  readonly pingInterval?: number;
  /** How long to wait between attempts to connect again; `false` to make none. Default: from 50 ms to 2 s. */
  readonly reconnect?: Backoff | false;
  /** The largest message that is taken, in bytes. Default: 8 MiB. */
  readonly maxMessage?: number;
  /** How much may wait to be sent, in bytes: what is published beyond that breaks the connection. Default: 16 MiB. */
  readonly maxQueuedBytes?: number;
  /** Is called when it is connected again, and all that is subscribed to is, too. */
  readonly onConnected?: () => void;
  /** Is called when the connection is gone, and with which error. */
  readonly onDisconnected?: (error: Error) => void;
  /** Is told what the server complains about without closing, and what a listener has thrown. Default: `console.error`. */
  readonly onError?: (error: Error) => void;
  /** Connects otherwise than `connect()` does: to nobody, in a test. */
  readonly dial?: (options: ConnectOptions & FramesOf<Uint8Array>) => Promise<Chat>;
}

export interface Message {
  readonly subject: string;
  readonly data: Uint8Array;
  /** Where an answer is expected. */
  readonly reply: string | undefined;
  readonly headers: Headers;
  /** What the server itself has to say, instead of somebody's message. */
  readonly status: number | undefined;
}

export interface PublishOptions {
  readonly reply?: string | undefined;
  readonly headers?: Headers | undefined;
}

export interface SubscribeOptions {
  /** Of all who subscribe with the same one, one gets each message. */
  readonly queue?: string | undefined;
  /** After so many messages it ends by itself. */
  readonly max?: number | undefined;
}

/** Is called for one message after the other, in their order, and must not wait. */
export type Listener = (message: Message) => void;

interface Subscribed extends SubscribeOptions {
  readonly subject: string;
  readonly listener: Listener;
  received: number;
}

interface Waiter {
  resolve(message: Message): void;
  reject(error: Error): void;
}

/** A line that is longer is none; a server of a large cluster has much to tell of itself. */
const LONGEST_LINE = 64 * 1024;
const CRLF = "\r\n";
const MOST_UNANSWERED = 2;
const NO_HEADERS: Headers = new Map();
const NO_RESPONDERS = 503;
const encoder = new TextEncoder();

/** What a server complains about, and goes on. */
const HARMLESS = /^(permissions violation|invalid subject|invalid publish subject)/i;

/**
 * A client of NATS: what is published on a subject reaches all who have subscribed to it then.
 *
 *     const nats = await NatsClient.connect({ servers: ["nats://127.0.0.1:4222"] });
 *     nats.subscribe("rooms.*", ({ subject, data }) => console.log(subject, data));
 *     await nats.flush();                 // the server knows it
 *     await nats.publish("rooms.tea", "hello");
 *
 * ```text
 *   connecting ──▶ connected ──▶ disconnected ──▶ waiting ──▶ connecting, to the next of the servers
 *    INFO, TLS?,       │ publishing, asking and flushing fail with "disconnected";
 *    CONNECT, PONG     │ what was subscribed to is so again, before anybody is told that it is connected
 *                      └──▶ closed
 * ```
 *
 * What was published just before the connection breaks may be lost, or not: `flush()` tells what the server has.
 */
export class NatsClient implements AsyncDisposable {
  readonly #options: Required<Omit<NatsOptions, "name" | "tls">> & NatsOptions;
  readonly #servers: readonly ServerAddress[];
  readonly #subscribed: Map<number, Subscribed> = new Map();
  readonly #inbox: string = `_INBOX.${crypto.randomUUID().replaceAll("-", "")}`;
  readonly #waiters: Map<string, Waiter> = new Map();
  /** Ends the attempts to connect again. */
  readonly #givenUp: AbortController = new AbortController();
  #isClosed = false;
  #isListeningToAnswers = false;
  /** Those who wait for the answers to pings: the server answers in order. */
  #pings: { resolve(): void; reject(error: Error): void }[] = [];
  /** How many pings were sent since the server was last heard. */
  #unheard = 0;
  #chat: Chat | undefined;
  #info: ServerInfo | undefined;
  #running: Promise<void> = Promise.resolve();
  #lastSid = 0;
  #lastQuestion = 0;
  #next = 0;

  private constructor(options: NatsOptions) {
    const {
      timeout = 5_000,
      pingInterval = 30_000,
      reconnect = { first: 50, longest: 2_000 },
      maxMessage = 8 * 1024 * 1024,
      maxQueuedBytes = 16 * 1024 * 1024,
      onConnected = () => {},
      onDisconnected = () => {},
      onError = console.error,
      dial = connect,
    } = options;
    if (options.servers.length === 0) throw new TypeError("servers must be one URL, or more");
    if (!(pingInterval > 0)) {
      throw new RangeError(`pingInterval must be more than 0 ms, not ${pingInterval}`);
    }
    this.#servers = options.servers.map(readServerUrl);
    this.#options = {
      ...options,
      ...{ timeout, pingInterval, reconnect, maxMessage, maxQueuedBytes },
      ...{ onConnected, onDisconnected, onError, dial },
    };
  }

  /**
   * Connects to the first of the servers that accepts.
   * @throws {NatsError} If one refuses, or none keeps to the protocol.
   * @throws {ConnectionError} If none is reached.
   */
  static async connect(options: NatsOptions): Promise<NatsClient> {
    const client = new NatsClient(options);
    const chat = await client.#tryServers();
    client.#begin(chat);
    client.#running = client.#run(chat);
    return client;
  }

  get isConnected(): boolean {
    return this.#chat !== undefined;
  }

  /**
   * Publishes a message. Resolves when there is room for the next one: `flush()` tells when the server has it.
   * @throws {NatsError} (The promise rejects with these.) With the code `"disconnected"` or `"closed"`.
   * @throws {TypeError | RangeError} If there can be no such message.
   */
  async publish(
    subject: string,
    data: string | Uint8Array = "",
    { reply, headers }: PublishOptions = {},
  ): Promise<void> {
    const { chat, info } = this.#connection();
    checkSubject(subject, false);
    if (reply !== undefined) checkSubject(reply, false);
    const payload = typeof data === "string" ? encoder.encode(data) : data;
    const head = headers && headers.size > 0 ? encodeHeaders(headers) : undefined;
    const size = payload.length + (head?.length ?? 0);
    if (size > info.maxPayload) {
      throw new RangeError(`the server takes ${info.maxPayload} bytes, not ${size}`);
    }
    if (head !== undefined && !info.takesHeaders) {
      throw new NatsError("refused", "this server takes no headers");
    }
    const items = head === undefined
      ? [encodePub(subject, reply, size), payload, CRLF]
      : [encodeHpub(subject, reply, head.length, size), head, payload, CRLF];
    try {
      await chat.push(...items);
    } catch (cause) {
      throw new NatsError("disconnected", (cause as Error).message, { cause });
    }
  }

  /**
   * Subscribes to a subject, from now on; also while there is no connection, from when there is one. `flush()` tells when the server
   * knows it.
   * @param subject With wildcards: `rooms.*`, `rooms.>`.
   * @returns What ends it.
   */
  subscribe(subject: string, listener: Listener, options: SubscribeOptions = {}): () => void {
    const { queue, max } = options;
    if (max !== undefined && !(Number.isInteger(max) && max > 0)) {
      throw new RangeError(`max must be a whole number of messages from 1 on, not ${max}`);
    }
    checkSubject(subject, true);
    if (queue !== undefined) checkQueue(queue);
    if (this.#isClosed) throw closedError();
    const sid = ++this.#lastSid;
    const subscribed = { subject, listener, queue, max, received: 0 };
    this.#subscribed.set(sid, subscribed);
    if (this.#chat) sendSubscription(this.#chat, sid, subscribed);
    return () => {
      if (this.#subscribed.delete(sid)) this.#chat?.push(encodeUnsub(sid, 0));
    };
  }

  /**
   * Asks, and resolves with the first answer.
   * @throws {NatsError} (The promise rejects with these.) With the code `"no-responders"` if nobody has subscribed to the subject,
   * `"timeout"`, `"disconnected"` or `"closed"`.
   */
  async request(
    subject: string,
    data: string | Uint8Array = "",
    { headers, timeout = this.#options.timeout }: { headers?: Headers; timeout?: number } = {},
  ): Promise<Message> {
    if (!this.#isListeningToAnswers) {
      this.#connection();
      this.#isListeningToAnswers = true;
      this.subscribe(`${this.#inbox}.*`, (message) => this.#onAnswer(message));
    }
    const reply = `${this.#inbox}.${++this.#lastQuestion}`;
    let timer: ReturnType<typeof setTimeout> | undefined;
    const answered = new Promise<Message>((resolve, reject) => {
      this.#waiters.set(reply, { resolve, reject });
      const late = (): void =>
        reject(new NatsError("timeout", `no answer on ${subject} within ${timeout} ms`));
      timer = setTimeout(late, timeout);
    });
    try {
      const [answer] = await Promise.all([
        answered,
        this.publish(subject, data, { reply, headers }),
      ]);
      if (answer.status !== NO_RESPONDERS) return answer;
      throw new NatsError("no-responders", `nobody answers on ${subject}`);
    } finally {
      clearTimeout(timer);
      this.#waiters.delete(reply);
    }
  }

  /**
   * Resolves when the server has taken all that was published, and knows all that was subscribed to.
   * @throws {NatsError} (The promise rejects with these.) With the code `"disconnected"` or `"closed"`.
   */
  async flush(): Promise<void> {
    const { chat } = this.#connection();
    await this.#ping(chat);
  }

  /** Sends what was published, and closes. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#givenUp.abort();
    await this.#chat?.closeWhenDone().catch(() => {});
    await this.#running;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #connection(): { readonly chat: Chat; readonly info: ServerInfo } {
    if (this.#isClosed) throw closedError();
    if (this.#chat && this.#info) return { chat: this.#chat, info: this.#info };
    throw new NatsError("disconnected", "there is no connection to a NATS server just now");
  }

  /** Listens, and connects again, until it is closed. */
  async #run(first: Chat): Promise<void> {
    for (let chat = first;;) {
      const reason = await this.#listen(chat);
      chat.close();
      this.#end(reason);
      const next = await this.#reconnect();
      if (next === undefined) break;
      chat = next;
      this.#begin(chat);
      this.#options.onConnected();
    }
    this.#isClosed = true;
  }

  #begin(chat: Chat): void {
    this.#chat = chat;
    this.#unheard = 0;
    for (const [sid, subscribed] of this.#subscribed) sendSubscription(chat, sid, subscribed);
  }

  /** The connection is gone: all who wait for something from it are told. */
  #end(reason: Error): void {
    this.#chat = undefined;
    const error = this.#isClosed
      ? closedError()
      : new NatsError("disconnected", `the connection is gone: ${reason.message}`, {
        cause: reason,
      });
    const pings = this.#pings;
    this.#pings = [];
    for (const { reject } of pings) reject(error);
    for (const { reject } of this.#waiters.values()) reject(error);
    if (!this.#isClosed) this.#options.onDisconnected(reason);
  }

  async #reconnect(): Promise<Chat | undefined> {
    const { reconnect } = this.#options;
    for (const wait of reconnect === false ? [] : waits(reconnect)) {
      await pause(wait, this.#givenUp.signal);
      if (this.#isClosed) break;
      try {
        return await this.#tryServers();
      } catch {
        // The next time, perhaps.
      }
    }
    return undefined;
  }

  /** Connects to any of the servers, beginning behind the one it was at. */
  async #tryServers(): Promise<Chat> {
    let failure: unknown;
    for (let i = 0; i < this.#servers.length; i++) {
      const server = this.#servers[this.#next++ % this.#servers.length]!;
      try {
        return await this.#open(server);
      } catch (error) {
        failure ??= error;
      }
    }
    throw failure;
  }

  async #open(server: ServerAddress): Promise<Chat> {
    const { timeout, dial, maxQueuedBytes } = this.#options;
    const { hostname, port } = server;
    const chat = await dial({
      ...{ hostname, port, timeout, maxQueuedBytes },
      terminator: CRLF,
      maxFrameLength: LONGEST_LINE,
    });
    const late = (): void =>
      chat.close(new NatsError("timeout", `${hostname} has not said hello within ${timeout} ms`));
    const timer = setTimeout(late, timeout);
    try {
      await this.#shakeHands(chat, server);
      if (this.#isClosed) throw closedError();
      return chat;
    } catch (error) {
      chat.close();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }

  async #shakeHands(chat: Chat, server: ServerAddress): Promise<void> {
    const { name, tls: trust } = this.#options;
    const hello = await readOperation(chat);
    if (hello.type !== "INFO") {
      throw new NatsError("protocol", `the server must begin with INFO, not ${hello.type}`);
    }
    const { info } = hello;
    if (server.isTls && !info.isTlsOffered) {
      throw new NatsError("refused", `${server.hostname} offers no TLS`);
    }
    if (server.isTls || info.isTlsRequired) {
      await chat.upgrade(tls(trust === true ? {} : trust));
    }
    chat.push(encodeConnect({ ...server, name }, info), "PING\r\n");
    for (;;) {
      const answer = await readOperation(chat);
      if (answer.type === "-ERR") throw new NatsError("refused", `the server: ${answer.message}`);
      if (answer.type === "PING") chat.push("PONG\r\n");
      if (answer.type === "MSG") throw new NatsError("protocol", "a message came before the hello");
      if (answer.type === "PONG") break;
    }
    this.#info = info;
  }

  /** Reads what the server sends, until the connection ends: by which error is returned. */
  async #listen(chat: Chat): Promise<Error> {
    const pinging = setInterval(() => this.#keepAlive(chat), this.#options.pingInterval);
    let coming: MessageLine | undefined;
    try {
      for await (const batch of chat.batches()) {
        this.#unheard = 0;
        for (const frame of batch) {
          if (coming === undefined) {
            coming = this.#obey(chat, parseOperation(frame));
            if (coming === undefined) continue;
            // The next frame is no line, but so many bytes, and the end of the line.
            chat.terminator = coming.size + CRLF.length;
            chat.maxFrameLength = this.#options.maxMessage + CRLF.length;
          } else {
            this.#deliver(coming, frame);
            coming = undefined;
            chat.terminator = CRLF;
            chat.maxFrameLength = LONGEST_LINE;
          }
        }
      }
      return new NatsError("disconnected", "the server has closed the connection");
    } catch (error) {
      return error as Error;
    } finally {
      clearInterval(pinging);
    }
  }

  /** Does what a line says. Returns what comes behind it, if that is a message. */
  #obey(chat: Chat, operation: Operation): MessageLine | undefined {
    switch (operation.type) {
      case "MSG":
        if (operation.size <= this.#options.maxMessage) return operation;
        throw new NatsError("protocol", `a message of ${operation.size} bytes is too large`);
      case "PING":
        chat.push("PONG\r\n");
        break;
      case "PONG":
        this.#pings.shift()?.resolve();
        break;
      case "INFO":
        this.#info = operation.info;
        break;
      case "-ERR": {
        const error = new NatsError("refused", `the server: ${operation.message}`);
        if (!HARMLESS.test(operation.message)) throw error;
        this.#options.onError(error);
      }
    }
    return undefined;
  }

  #deliver({ subject, sid, reply, headed, size }: MessageLine, frame: Uint8Array): void {
    if (frame[size] !== 0x0d || frame[size + 1] !== 0x0a) {
      throw new NatsError("protocol", `a message of ${size} bytes must end with \\r\\n`);
    }
    const subscribed = this.#subscribed.get(sid);
    if (subscribed === undefined) return; // it has just ended
    if (++subscribed.received === subscribed.max) this.#subscribed.delete(sid);
    const { status, headers } = headed === 0
      ? { status: undefined, headers: NO_HEADERS }
      : parseHeaders(frame.subarray(0, headed));
    try {
      subscribed.listener({ subject, data: frame.subarray(headed, size), reply, headers, status });
    } catch (error) {
      this.#options.onError(error as Error);
    }
  }

  #onAnswer(message: Message): void {
    this.#waiters.get(message.subject)?.resolve(message);
  }

  #ping(chat: Chat): Promise<void> {
    const answered = new Promise<void>((resolve, reject) => this.#pings.push({ resolve, reject }));
    answered.catch(() => {}); // whoever waits for it is told
    chat.push("PING\r\n");
    return answered;
  }

  #keepAlive(chat: Chat): void {
    if (this.#unheard++ < MOST_UNANSWERED) void this.#ping(chat);
    else chat.close(new NatsError("timeout", "the server does not answer pings"));
  }
}

function sendSubscription(
  chat: Chat,
  sid: number,
  { subject, queue, max, received }: Subscribed,
): void {
  chat.push(encodeSub(subject, queue, sid));
  if (max !== undefined) chat.push(encodeUnsub(sid, max - received));
}

async function readOperation(chat: Chat): Promise<Operation> {
  const line = await chat.read();
  if (line === null) throw new NatsError("disconnected", "the server has closed the connection");
  return parseOperation(line);
}

function closedError(): NatsError {
  return new NatsError("closed", "the client is closed");
}
