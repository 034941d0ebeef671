import { type Chat, connect, type ConnectOptions, type FramesOf } from "../../mod.ts";
import { UserError } from "../command_line.ts";
import { Deferred } from "../deferred.ts";
import { LONGEST_BODY, type Outcome } from "./job.ts";
import { type Answer, formatJob, LINE, LONGEST_LINE, parseAnswer } from "./protocol.ts";

export interface QueueClientOptions {
  readonly hostname?: string;
  readonly port: number;
  /** How many jobs are under way before `submit()` waits: at most what the server takes of a client. Default: 1000. */
  readonly maxInFlight?: number;
  /** How long connecting may take, in milliseconds. Default: 10 s. */
  readonly timeout?: number;
  /** Connects otherwise than `connect()` does: to nobody, in a test. */
  readonly dial?: (options: ConnectOptions & FramesOf<Uint8Array>) => Promise<Chat>;
}

/** A job that was sent. */
export interface Submitted {
  /** Resolves when the queue has it. */
  readonly queued: Promise<void>;
  /** What has become of it. Both reject if the connection ends before, and whether it was, or will be, done is not known then. */
  readonly outcome: Promise<Outcome>;
}

/** The server is gone, or says that this client does not keep to the protocol, or does not itself. */
export class QueueError extends UserError {
  override readonly name: string = "QueueError";
}

interface Waiter {
  readonly queued: Deferred;
  readonly outcome: Deferred<Outcome>;
}

const encoder = new TextEncoder();

/**
 * Sends jobs to a server, many at a time, and tells what has become of each.
 *
 *     const client = await QueueClient.connect({ port: 7000 });
 *     const { outcome } = await client.submit("upper", "hello");
 *     const { isDone, data } = await outcome;
 */
export class QueueClient implements AsyncDisposable {
  readonly #chat: Chat;
  readonly #maxInFlight: number;
  readonly #waiters: Map<string, Waiter> = new Map();
  readonly #listening: Promise<void>;
  /** Those who wait to send a job. */
  readonly #turns: (() => void)[] = [];
  #failure: Error | undefined;
  #lastId = 0;

  private constructor(chat: Chat, maxInFlight: number) {
    this.#chat = chat;
    this.#maxInFlight = maxInFlight;
    this.#listening = this.#listen();
  }

  static async connect(options: QueueClientOptions): Promise<QueueClient> {
    const { hostname = "127.0.0.1", port, maxInFlight = 1_000, timeout = 10_000 } = options;
    if (!(maxInFlight >= 1)) {
      throw new RangeError(`maxInFlight must be at least 1, not ${maxInFlight}`);
    }
    const dial = options.dial ?? connect;
    const chat = await dial({
      hostname,
      port,
      timeout,
      terminator: LINE,
      maxFrameLength: 2 * LONGEST_LINE,
    });
    return new QueueClient(chat, maxInFlight);
  }

  /**
   * Sends a job, as soon as not too many are under way.
   * @throws {QueueError} If the connection has ended.
   * @throws {RangeError} If the kind is no word, or the body too long.
   */
  async submit(kind: string, body: string | Uint8Array): Promise<Submitted> {
    const bytes = typeof body === "string" ? encoder.encode(body) : body;
    if (bytes.length > LONGEST_BODY) {
      throw new RangeError(`a job has at most ${LONGEST_BODY} bytes, not ${bytes.length}`);
    }
    while (this.#waiters.size >= this.#maxInFlight && this.#failure === undefined) {
      await new Promise<void>((resolve) => this.#turns.push(resolve));
    }
    if (this.#failure !== undefined) throw this.#failure;
    const id = String(++this.#lastId);
    const line = formatJob({ id, kind, length: bytes.length });
    const queued = new Deferred();
    const outcome = new Deferred<Outcome>();
    this.#waiters.set(id, { queued, outcome });
    await this.#chat.push(line, bytes).catch(() => {}); // what ends the chat ends those who wait
    return { queued: queued.promise, outcome: outcome.promise };
  }

  /** Waits for the outcomes of what was sent, and closes. */
  async close(): Promise<void> {
    this.#chat.closeWrite();
    await this.#listening;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #listen(): Promise<void> {
    const reason = await this.#read();
    this.#failure = reason;
    this.#chat.close();
    for (const { queued, outcome } of this.#waiters.values()) {
      queued.reject(reason);
      outcome.reject(reason);
    }
    this.#waiters.clear();
    for (const turn of this.#turns.splice(0)) turn();
  }

  /** Reads what the server says, to the end: by which error is returned. */
  async #read(): Promise<Error> {
    let answer: Answer | undefined;
    let complaint: string | undefined;
    try {
      for await (const batch of this.#chat.batches()) {
        for (const frame of batch) {
          if (answer !== undefined) answer = this.#settle(answer, frame);
          else if (frame.length > 0) answer = this.#hear(parseAnswer(frame));
          if (answer?.type !== "ERR") continue;
          complaint = answer.reason;
          answer = undefined;
        }
      }
    } catch (error) {
      return new QueueError(`the server was lost: ${(error as Error).message}`, { cause: error });
    }
    if (complaint !== undefined) return new QueueError(`the server says: ${complaint}`);
    return new QueueError("the server has closed the connection");
  }

  /** What is not complete yet is returned. */
  #hear(answer: Answer): Answer | undefined {
    if (answer.type === "ERR") return answer;
    const waiter = this.#waiters.get(answer.id);
    if (waiter === undefined) {
      throw new QueueError(`it speaks of ${JSON.stringify(answer.id)}, which is not under way`);
    }
    if (answer.type === "QUEUED") return void waiter.queued.resolve();
    this.#chat.terminator = answer.length;
    this.#chat.maxFrameLength = LONGEST_BODY;
    return answer;
  }

  #settle(answer: Answer, data: Uint8Array): undefined {
    this.#chat.terminator = LINE;
    this.#chat.maxFrameLength = 2 * LONGEST_LINE;
    if (answer.type !== "DONE" && answer.type !== "FAILED") return;
    const waiter = this.#waiters.get(answer.id)!;
    this.#waiters.delete(answer.id);
    const error = new QueueError("the queue has not said that it has the job");
    waiter.queued.reject(error); // unless it has
    waiter.outcome.resolve({ isDone: answer.type === "DONE", data });
    this.#turns.shift()?.();
  }
}
