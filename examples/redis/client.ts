import { type Chat, connect, type ConnectOptions, type FramesOf } from "../../mod.ts";
import { Deferred } from "../deferred.ts";
import { encodeCommand, type Piece, type Version } from "../resp/encode.ts";
import { replies } from "../resp/framing.ts";
import { Push, RespError, type Value } from "../resp/value.ts";
import { RedisError } from "./error.ts";
import { mapOf, textOf } from "./replies.ts";
import { parseRedisUrl, type RedisPlace } from "./url.ts";

/** A word of a command: text, bytes, or a number. */
export type Word = Piece | number;

export interface RedisOptions {
  /** `redis://user:password@host:port/database`, or `rediss:` for TLS. */
  readonly url: string;
  /** How TLS is spoken, where the URL wants it. */
  readonly tls?: ConnectOptions["tls"];
  /** The version of the protocol: 3, the default, where the server speaks it, and otherwise 2. */
  readonly protocol?: Version;
  /** How long connecting may take, and how long the server may be silent while it owes an answer, in milliseconds. Default: 10 s. */
  readonly timeout?: number;
  /** How many commands may wait for their answers: one more is refused. Default: 100,000. */
  readonly maxCalls?: number;
  /** An answer of so many bytes is taken, and none of more than twice as many, about. Default: 64 MiB. */
  readonly maxReply?: number;
  /** Is told what the server says without having been asked: messages to subscribers, keys that were changed (version 3). */
  readonly onPush?: (push: Push) => void;
  /** Connects otherwise than `connect()` does: to nobody, in a test. */
  readonly dial?: (options: ConnectOptions & FramesOf<Value>) => Promise<Chat<Value>>;
}

/** A command whose answer is waited for. */
interface Call {
  readonly name: string;
  readonly answered: Deferred<Value>;
}

/** How much may wait to be sent, in bytes: what comes beyond it ends the connection. */
const MOST_QUEUED = 128 * 1024 * 1024;

/** After these, what the server sends are no answers to commands any more, each to its own. */
const OUT_OF_STEP: ReadonlySet<string> = new Set([
  "MONITOR",
  "SYNC",
  "PSYNC",
  "RESET",
  "CLIENT REPLY",
]);
/** In version 3, these are answered by a push. In version 2 a message could not be told from an answer. */
const SUBSCRIPTIONS: ReadonlySet<string> = new Set([
  "SUBSCRIBE",
  "UNSUBSCRIBE",
  "PSUBSCRIBE",
  "PUNSUBSCRIBE",
  "SSUBSCRIBE",
  "SUNSUBSCRIBE",
]);

/**
 * A client of Redis over one connection. Commands are sent as they come, without waiting for the answers to those before, and the
 * answers come in the same order.
 *
 *     const redis = await RedisClient.connect({ url: "redis://127.0.0.1:6379" });
 *     await redis.call("SET", "greeting", "hello");
 *     const value = await redis.call("GET", "greeting");
 *
 * ```text
 *   call() ──▶ [ call ][ call ][ call ]     one for each answer that the server owes
 *      │           ▲ the first one is answered by the next value that comes; a push is nobody's
 *      └────▶ chat ──▶ server
 * ```
 *
 * When the connection ends, what waits for an answer rejects, and nothing is sent again: whether it was done is not known. A command
 * that blocks (`BLPOP`, `XREAD BLOCK`) holds up all behind it, and blocks for less than `timeout`: give it a client of its own.
 */
export class RedisClient implements AsyncDisposable {
  readonly #chat: Chat<Value>;
  readonly #options: RedisOptions;
  readonly #calls: Calls = new Calls();
  readonly #running: Promise<Error>;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #end: Error | undefined;
  #isClosing = false;
  #version: Version = 2;

  private constructor(chat: Chat<Value>, options: RedisOptions) {
    this.#chat = chat;
    this.#options = options;
    this.#running = this.#run();
  }

  /**
   * Connects, says as whom, and settles which version of the protocol is spoken.
   * @throws {ChatError} If it cannot connect.
   * @throws {RedisError} If the server does not want this client, or has no such database.
   */
  static async connect(options: RedisOptions): Promise<RedisClient> {
    const place = parseRedisUrl(options.url);
    const { timeout = TIMEOUT, maxReply = 64 * 1024 * 1024, dial = connect } = options;
    const chat = await dial({
      hostname: place.hostname,
      port: place.port,
      ...place.isTls ? { tls: options.tls ?? true } : {},
      noDelay: true,
      terminator: replies,
      maxFrameLength: maxReply,
      maxQueuedBytes: MOST_QUEUED,
      timeout,
    });
    const client = new RedisClient(chat, options);
    try {
      await client.#greet(place);
      return client;
    } catch (error) {
      chat.close();
      throw error;
    }
  }

  /** The version of the protocol that is spoken. */
  get version(): Version {
    return this.#version;
  }

  /** How many commands wait for their answers. */
  get waiting(): number {
    return this.#calls.length;
  }

  /** Resolves when the connection has ended, with the reason. It never rejects. */
  get closed(): Promise<Error> {
    return this.#running;
  }

  /**
   * Sends a command.
   * @returns What Redis answers.
   * @throws {RedisError} (The promise rejects with these.) If that is an error, or the connection ends before the answer.
   */
  async call(...words: readonly Word[]): Promise<Value> {
    const name = this.#check(words);
    this.#checkRoom(name, 1);
    return await this.#ask(name, words);
  }

  /**
   * Sends commands that are done together, with nothing of others in between, or not at all (`MULTI`, `EXEC`).
   * @returns What Redis answers to each. One that fails while the others are done has its `RespError` in its place: Redis takes
   * nothing back.
   * @throws {RedisError} (The promise rejects with these.) If Redis takes one of them for no command, and does none; or the connection
   * ends before the answer, and whether they were done is not known.
   */
  async multi(commands: readonly (readonly Word[])[]): Promise<Value[]> {
    const names = commands.map((words) => this.#check(words));
    this.#checkRoom("MULTI", commands.length + 2);
    const queued = [
      this.#ask("MULTI", ["MULTI"]),
      ...commands.map((words, i) => this.#ask(names[i]!, words)),
    ];
    const exec = this.#ask("EXEC", ["EXEC"]);
    await Promise.all(queued);
    const answers = await exec;
    if (Array.isArray(answers)) return answers;
    throw new RedisError("EXEC", "nothing was done: a key that is watched was changed");
  }

  /** Waits for the answers that the server owes, and closes. */
  async close(): Promise<void> {
    this.#isClosing = true;
    if (this.#calls.length === 0) this.#chat.closeWhenDone();
    await this.#running;
  }

  /** Closes now: what waits for an answer rejects. */
  abort(reason?: Error): void {
    this.#isClosing = true;
    this.#chat.close(reason);
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Says who this is, and settles the version of the protocol, and the database. */
  async #greet({ username, password, database }: RedisPlace): Promise<void> {
    const { protocol = 3 } = this.#options;
    const isGreeted = protocol === 3 && await this.#hello(username ?? "default", password);
    if (!isGreeted && password !== undefined) {
      // A server without HELLO may have no users either: it is told of one only if the URL names one.
      await this.call("AUTH", ...username === undefined ? [] : [username], password);
    }
    if (database !== 0) await this.call("SELECT", database);
  }

  /** @returns Whether the server knows this greeting, which tells it who this is, too. */
  async #hello(username: string, password: string | undefined): Promise<boolean> {
    const auth = password === undefined ? [] : ["AUTH", username, password];
    try {
      const about = mapOf(await this.call("HELLO", 3, ...auth));
      this.#version = about.get("proto") === 3 ? 3 : 2;
      return true;
    } catch (error) {
      if (error instanceof RedisError && isUnknown(error)) return false;
      throw error;
    }
  }

  /** @returns The name of the command. */
  #check(words: readonly Word[]): string {
    const [first, second] = words;
    if (first === undefined) throw new TypeError("a command has at least a word");
    const name = nameOf(first);
    const full = name === "CLIENT" && second !== undefined ? `${name} ${nameOf(second)}` : name;
    const why = OUT_OF_STEP.has(full)
      ? "is not for this client: what comes after it are no answers to commands"
      : SUBSCRIPTIONS.has(name) && this.#version === 2
      ? "needs version 3 of the protocol: in version 2, messages cannot be told from answers"
      : SUBSCRIPTIONS.has(name) && words.length !== 2
      ? `takes one channel at a time here, not ${words.length - 1}`
      : undefined;
    if (why !== undefined) throw new RedisError(name, why);
    return name;
  }

  #checkRoom(name: string, more: number): void {
    if (this.#end !== undefined) {
      throw new RedisError(name, `the connection has ended: ${this.#end.message}`, "", {
        cause: this.#end,
      });
    }
    if (this.#isClosing) throw new RedisError(name, "the client is closing");
    const { maxCalls = 100_000 } = this.#options;
    if (this.#calls.length + more > maxCalls) {
      throw new RedisError(name, `${this.#calls.length} commands wait for their answers already`);
    }
  }

  #ask(name: string, words: readonly Word[]): Promise<Value> {
    const answered = new Deferred<Value>();
    this.#calls.push({ name, answered });
    this.#chat.push(...encodeCommand(words));
    if (this.#timer === undefined) this.#watchSilence();
    return answered.promise;
  }

  /** Reads answers until the connection ends: by which error is returned. */
  async #run(): Promise<Error> {
    const reason = await this.#listen();
    this.#end = reason;
    clearTimeout(this.#timer);
    this.#chat.close();
    for (let call = this.#calls.shift(); call !== undefined; call = this.#calls.shift()) {
      const message = `whether it was done is not known: ${reason.message}`;
      call.answered.reject(new RedisError(call.name, message, "", { cause: reason }));
    }
    return reason;
  }

  async #listen(): Promise<Error> {
    try {
      for await (const batch of this.#chat.batches()) {
        for (const value of batch) this.#hear(value);
        this.#watchSilence();
        if (this.#isClosing && this.#calls.length === 0) this.#chat.closeWhenDone();
      }
      return new RedisError(
        "connection",
        this.#isClosing ? "it was closed" : "the server has closed it",
      );
    } catch (error) {
      return error as Error;
    }
  }

  #hear(value: Value): void {
    if (value instanceof Push && !this.#isAnswer(value)) return this.#options.onPush?.(value);
    const call = this.#calls.shift();
    if (call === undefined) {
      throw new RedisError("connection", "an answer came that nobody waits for");
    }
    if (value instanceof RespError) call.answered.reject(RedisError.of(call.name, value));
    else call.answered.resolve(value instanceof Push ? [...value.items] : value);
  }

  /** Whether a push says that a subscription begins, or ends, that was asked for. */
  #isAnswer({ items: [kind] }: Push): boolean {
    const name = this.#calls.first?.name;
    return name !== undefined && SUBSCRIPTIONS.has(name) && textOf(kind).toUpperCase() === name;
  }

  /** Gives the server up if it owes an answer, and says nothing for too long from now on. */
  #watchSilence(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#calls.length === 0) return;
    const { timeout = TIMEOUT } = this.#options;
    this.#timer = setTimeout(() => {
      const name = this.#calls.first?.name ?? "connection";
      this.abort(new RedisError(name, `the server has not answered within ${timeout} ms`));
    }, timeout);
  }
}

const TIMEOUT = 10_000;

/** How many places of calls that were answered are kept, at least, before those that wait are moved. */
const MOST_ANSWERED = 1024;

/** Those that wait, first in, first out. */
class Calls {
  #items: (Call | undefined)[] = [];
  #first = 0;

  get length(): number {
    return this.#items.length - this.#first;
  }

  get first(): Call | undefined {
    return this.#items[this.#first];
  }

  push(call: Call): void {
    this.#items.push(call);
  }

  shift(): Call | undefined {
    const call = this.first;
    if (call === undefined) return undefined;
    this.#items[this.#first++] = undefined;
    if (this.#first >= MOST_ANSWERED && 2 * this.#first >= this.#items.length) {
      this.#items = this.#items.slice(this.#first);
      this.#first = 0;
    }
    return call;
  }
}

/** Whether a server is too old for a command, or does not want to speak that version of the protocol. */
const isUnknown = ({ code, message }: RedisError): boolean =>
  code === "NOPROTO" || (code === "ERR" && /unknown command/i.test(message));

const nameOf = (word: Word): string =>
  (word instanceof Uint8Array ? new TextDecoder().decode(word) : String(word)).toUpperCase();
