import {
  type Chat,
  FrameTooLongError,
  type Framing,
  IncompleteFrameError,
  MalformedFrameError,
} from "../../mod.ts";
import type { Watch } from "../watching/watch.ts";
import type { Ingest } from "./ingest.ts";
import { failed, LONGEST_BODY, type Outcome } from "./job.ts";
import { formatOutcome, type JobHeader, LINE, LONGEST_LINE, parseJob } from "./protocol.ts";

export interface SessionOptions {
  /** How many jobs of a client may be under way before it has to wait. */
  readonly maxInFlight: number;
  /** The longest body of a job, in bytes. */
  readonly maxJob: number;
}

/** The chat of a session must be made with these. */
export const JOBS: { readonly terminator: Framing; readonly maxFrameLength: number } = {
  terminator: LINE,
  maxFrameLength: LONGEST_LINE,
};

/** How many bytes of answers wait for a client before nothing more is read of it. */
const BEHIND = 64 * 1024;

/**
 * Serves one client over a chat of `JOBS`, to its end: when it has sent all, it is still told what has become of its jobs.
 *
 * ```text
 *   a line ──▶ is it a job? ──▶ so many bytes ──▶ the queue ──▶ QUEUED, and later DONE or FAILED
 *     ▲          └ no: ERR                           │
 *     └───────── wait while too much is under way ◀──┘
 * ```
 */
export async function serveJobs(
  chat: Chat,
  ingest: Ingest,
  watch: Watch,
  options: SessionOptions = { maxInFlight: 1_000, maxJob: LONGEST_BODY },
): Promise<void> {
  const session = new Session(chat, ingest, watch, options);
  try {
    await session.read();
  } catch (error) {
    const complaint = complaintAbout(error as Error);
    if (complaint === undefined) throw error;
    session.say(`ERR ${complaint}\n`);
  }
  await session.settled();
}

class Session {
  readonly #chat: Chat;
  readonly #ingest: Ingest;
  readonly #watch: Watch;
  readonly #options: SessionOptions;
  /** The jobs under way, by the client's names for them. */
  readonly #underWay: Set<string> = new Set();
  #isGone = false;
  #resume: () => void = () => {};
  readonly #wake = (): void => this.#resume();

  constructor(chat: Chat, ingest: Ingest, watch: Watch, options: SessionOptions) {
    this.#chat = chat;
    this.#ingest = ingest;
    this.#watch = watch;
    this.#options = options;
    void chat.closed.then(() => {
      this.#isGone = true;
      this.#wake();
    });
  }

  /** Reads jobs until the client has sent all. */
  async read(): Promise<void> {
    let job: JobHeader | undefined;
    for await (const batch of this.#chat.batches()) {
      for (const frame of batch) {
        this.#watch.received(this.#chat, frame);
        while (this.#mustWait()) await this.#change();
        if (job === undefined) job = this.#announce(frame);
        else job = this.#submit(job, frame);
      }
    }
  }

  /** Resolves when every job has its outcome, or nobody waits for it. */
  async settled(): Promise<void> {
    while (this.#underWay.size > 0 && !this.#isGone) await this.#change();
  }

  /**
   * Nobody waits here for the client to read: what it has not taken yet waits in its chat's queue, and when that is full, the chat is
   * closed.
   */
  say(line: string, data?: Uint8Array): void {
    this.#watch.sent(this.#chat, line);
    if (data === undefined) return void this.#chat.push(line);
    this.#watch.sent(this.#chat, data);
    this.#chat.push(line, data, "\n");
  }

  /** Reads the line in front of a job: as many bytes as it says are the next frame. */
  #announce(line: Uint8Array): JobHeader | undefined {
    if (line.length === 0) return undefined;
    const job = parseJob(line, this.#options.maxJob);
    if (this.#underWay.has(job.id)) {
      throw new MalformedFrameError(`a job of the name ${JSON.stringify(job.id)} is under way`);
    }
    this.#chat.terminator = job.length;
    this.#chat.maxFrameLength = this.#options.maxJob;
    return job;
  }

  #submit({ id, kind }: JobHeader, body: Uint8Array): undefined {
    this.#chat.terminator = LINE;
    this.#chat.maxFrameLength = LONGEST_LINE;
    this.#underWay.add(id);
    const queued: Promise<void> = this.#ingest.submit(kind, body, (outcome) => {
      // It may come before the queue has said that it has the job.
      queued.then(() => this.#finish(id, outcome), () => {});
    });
    queued.then(
      () => this.say(`QUEUED ${id}\n`),
      (error: Error) => this.#finish(id, failed(error.message)),
    );
  }

  #finish(id: string, outcome: Outcome): void {
    this.#underWay.delete(id);
    if (this.#isGone) this.#ingest.counts.undelivered.inc();
    else this.say(formatOutcome(id, outcome), outcome.data);
    this.#wake();
  }

  #mustWait(): boolean {
    if (this.#isGone) return false;
    return this.#underWay.size >= this.#options.maxInFlight || this.#ingest.isFull ||
      this.#isBehind;
  }

  get #isBehind(): boolean {
    return this.#chat.stats.queued >= BEHIND;
  }

  /** Resolves when something has changed of what must be waited for. */
  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#resume = resolve;
      if (this.#ingest.isFull) this.#ingest.whenRoom(this.#wake);
      if (this.#isBehind) this.#chat.flush().then(this.#wake, this.#wake);
    });
  }
}

/** What a client is told who has sent what is no job. */
function complaintAbout(error: Error): string | undefined {
  if (error instanceof FrameTooLongError) return `a line has at most ${error.limit} bytes`;
  const isTheirs = error instanceof MalformedFrameError || error instanceof IncompleteFrameError;
  return isTheirs ? error.message.replace(/\s+/g, " ") : undefined;
}
