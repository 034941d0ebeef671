/**
 * The receiving side of SMTP (RFC 5321), with STARTTLS (RFC 3207), SIZE (RFC 1870), 8BITMIME (RFC 6152), SMTPUTF8 (RFC 6531) and
 * PIPELINING (RFC 2920).
 *
 * ```text
 *                 EHLO              MAIL              RCPT                 DATA             a line that is "."
 *   connected ──────────▶ greeted ────────▶ sender ────────▶ recipients ────────▶ mail data ────────┐
 *       ▲                   │  ▲                               │    ▲ │                              │
 *       └──── STARTTLS ─────┘  │                               └RCPT┘ │                              │
 *                              └───────────── RSET, EHLO ◀────────────┴──────────────────────────────┘
 * ```
 *
 * What comes at the wrong time is answered with 503, and changes nothing.
 */
import { type Chat, FrameTooLongError, TimeoutError } from "../../mod.ts";
import { tls } from "../../src/tls/mod.ts";
import type { Delivery, Envelope, Store } from "./mailbox_folder.ts";
import { readMail, SmugglingError } from "./mail_data.ts";
import { parsePath } from "./path.ts";

export interface SmtpOptions {
  /** What the server is called: `mail.example.com`. */
  readonly domain: string;
  readonly store: Store;
  /** The largest mail, in bytes. */
  readonly maxSize: number;
  /** A certificate and its key, in PEM: without them there is no STARTTLS. */
  readonly tls?: { readonly cert: string; readonly key: string } | undefined;
  /** How long a client may be silent, in milliseconds: five minutes (section 4.5.3.2.7). */
  readonly timeout?: number;
  /** Is told of each mail that is kept. */
  readonly onMail?: (mail: Mail) => void;
  /** Is told why a mail could not be kept: a full disk, say. Default: `console.error`. */
  readonly onError?: (error: unknown) => void;
}

/** A mail that was kept. */
export interface Mail extends Envelope {
  readonly name: string;
  readonly size: number;
  readonly isEncrypted: boolean;
}

/** The options of a chat that is served: commands and lines of a mail are frames, and a line is at most that long. */
export const SMTP: { readonly terminator: string; readonly maxFrameLength: number } = {
  terminator: "\r\n",
  maxFrameLength: 64 * 1024,
};

const LONGEST_COMMAND = 2_048;
const MOST_RECIPIENTS = 100;
/** Who makes more mistakes than that is no mail server. */
const MOST_ERRORS = 20;
const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Serves one client, until it leaves, or is sent away. */
export async function serveSmtp(chat: Chat, options: SmtpOptions): Promise<void> {
  const { timeout = 300_000, domain } = options;
  const session = new Session(chat, options);
  session.reply(220, `${domain} ESMTP`);
  try {
    while (!session.isOver) {
      const line = await chat.read("\r\n", { timeout });
      if (line === null) return;
      await session.obey(line);
    }
  } catch (error) {
    const farewell = farewellTo(error);
    if (farewell === undefined) throw error;
    session.reply(...farewell);
  }
}

/** What a client is told before it is sent away. */
function farewellTo(error: unknown): [code: number, words: string] | undefined {
  if (error instanceof TimeoutError) return [421, "you were silent for too long"];
  if (error instanceof FrameTooLongError) return [500, "a line is too long"];
  if (error instanceof SmugglingError) return [554, error.message];
  return undefined;
}

/** What does not fit into a mail. */
class TooLargeError extends Error {}

/** The store has failed, by its `cause`. */
class StoreError extends Error {}

class Session {
  readonly #chat: Chat;
  readonly #options: SmtpOptions;
  isOver = false;
  #isGreeted = false;
  #isEncrypted = false;
  #from: string | undefined;
  #to: string[] = [];
  #errors = 0;

  constructor(chat: Chat, options: SmtpOptions) {
    this.#chat = chat;
    this.#options = options;
  }

  /** Answers, in one line or several. */
  reply(code: number, ...lines: string[]): void {
    const last = lines.length - 1;
    this.#chat.push(lines.map((line, i) => `${code}${i < last ? "-" : " "}${line}\r\n`).join(""));
    if (code < 500) return;
    if (++this.#errors <= MOST_ERRORS) return;
    this.#chat.push("421 too many errors\r\n");
    this.isOver = true;
  }

  /** Does what one line says. Resolves when that is answered, and there is room for more answers. */
  async obey(line: Uint8Array): Promise<void> {
    const command = parseCommand(line);
    if (command === undefined) this.reply(500, "that is no command");
    else await this.#run(command.verb, command.words);
    await this.#chat.push();
  }

  async #run(verb: string, words: string): Promise<void> {
    switch (verb) {
      case "EHLO":
      case "HELO":
        return this.#greet(verb, words);
      case "MAIL":
        return this.#mail(words);
      case "RCPT":
        return this.#recipient(words);
      case "DATA":
        return await this.#data(words);
      case "STARTTLS":
        return await this.#startTls(words);
      case "RSET":
        if (words !== "") return this.reply(501, "RSET has no parameters");
        this.#forgetMail();
        return this.reply(250, "forgotten");
      case "NOOP":
        return this.reply(250, "fine");
      case "VRFY":
        return this.reply(252, "send it, and you will see");
      case "HELP":
        return this.reply(214, "EHLO HELO MAIL RCPT DATA RSET NOOP VRFY STARTTLS QUIT", "RFC 5321");
      case "QUIT":
        if (words !== "") return this.reply(501, "QUIT has no parameters");
        this.isOver = true;
        return this.reply(221, `${this.#options.domain} goodbye`);
      case "EXPN":
      case "TURN":
        return this.reply(502, `there is no ${verb} here`);
      default:
        return this.reply(500, "there is no such command");
    }
  }

  #greet(verb: string, words: string): void {
    if (!/^[^\s]{1,255}$/.test(words)) return this.reply(501, `${verb} must say who you are`);
    this.#forgetMail();
    this.#isGreeted = true;
    const { domain, maxSize, tls } = this.#options;
    if (verb === "HELO") return this.reply(250, domain);
    const keywords = ["PIPELINING", `SIZE ${maxSize}`, "8BITMIME", "SMTPUTF8"];
    if (tls !== undefined && !this.#isEncrypted) keywords.push("STARTTLS");
    this.reply(250, `${domain} greets ${words}`, ...keywords);
  }

  #mail(words: string): void {
    if (!this.#isGreeted) return this.reply(503, "say EHLO first");
    if (this.#from !== undefined) return this.reply(503, "there is a sender already");
    const path = parsePath("FROM", words);
    if (path === undefined) return this.reply(501, "expected MAIL FROM:<address>");
    for (const [name, value] of path.parameters) {
      const isKnown = name === "SMTPUTF8" && value === "" ||
        name === "SIZE" && /^\d{1,20}$/.test(value) ||
        name === "BODY" && /^(7BIT|8BITMIME)$/i.test(value);
      if (!isKnown) return this.reply(555, `there is no ${name}=${value} here`);
    }
    const { maxSize } = this.#options;
    if (Number(path.parameters.get("SIZE") ?? 0) > maxSize) {
      return this.reply(552, `a mail may have ${maxSize} bytes`);
    }
    this.#from = path.address;
    this.reply(250, "go on");
  }

  #recipient(words: string): void {
    if (this.#from === undefined) return this.reply(503, "say MAIL first");
    const path = parsePath("TO", words);
    if (path === undefined) return this.reply(501, "expected RCPT TO:<address>");
    if (path.parameters.size > 0) return this.reply(555, "RCPT has no parameters here");
    if (this.#to.length >= MOST_RECIPIENTS) return this.reply(452, "that is enough for one mail");
    this.#to.push(path.address);
    this.reply(250, "go on");
  }

  async #data(words: string): Promise<void> {
    if (words !== "") return this.reply(501, "DATA has no parameters");
    if (this.#from === undefined) return this.reply(503, "say MAIL first");
    if (this.#to.length === 0) return this.reply(554, "there are no recipients");
    const envelope = { from: this.#from, to: this.#to };
    this.#forgetMail();
    try {
      await this.#receive(envelope, await fromStore(this.#options.store.begin(envelope)));
    } catch (error) {
      if (error instanceof TooLargeError) return this.reply(552, error.message);
      if (!(error instanceof StoreError)) throw error;
      (this.#options.onError ?? console.error)(error.cause);
      this.reply(451, error.message);
    }
  }

  /**
   * Takes a mail, or reads it to its end where it cannot be taken: only then comes the next command.
   * @throws {TooLargeError | StoreError} At the end of the mail.
   */
  async #receive(envelope: Envelope, delivery: Delivery): Promise<void> {
    const { onMail = () => {} } = this.#options;
    this.reply(354, "end with a line that is a dot");
    let isKept = false;
    try {
      const size = await this.#copy(delivery);
      const name = await fromStore(delivery.commit());
      isKept = true;
      onMail({ ...envelope, name, size, isEncrypted: this.#isEncrypted });
      this.reply(250, `kept as ${name}`);
    } finally {
      if (!isKept) await delivery.abort();
    }
  }

  async #copy(delivery: Delivery): Promise<number> {
    const { maxSize, timeout = 300_000 } = this.#options;
    const tooLate = setTimeout(() => this.#chat.close(new TimeoutError(timeout)), 2 * timeout);
    let size = 0;
    let written = Promise.resolve();
    try {
      for await (const piece of readMail(this.#chat)) {
        size += piece.length;
        if (size <= maxSize) {
          await (written = written.then(() => delivery.write(piece))).catch(() => {});
        }
      }
    } finally {
      clearTimeout(tooLate);
    }
    if (size > maxSize) {
      throw new TooLargeError(`a mail may have ${maxSize} bytes, and this has ${size}`);
    }
    await fromStore(written);
    return size;
  }

  /** After it nothing counts that was said before (RFC 3207, section 4.2), and what was sent before it for after it is refused. */
  async #startTls(words: string): Promise<void> {
    const { tls: certificate } = this.#options;
    if (words !== "") return this.reply(501, "STARTTLS has no parameters");
    if (certificate === undefined) return this.reply(502, "there is no STARTTLS here");
    if (this.#isEncrypted) return this.reply(503, "it is encrypted already");
    if (!this.#isGreeted) return this.reply(503, "say EHLO first");
    this.reply(220, "go ahead");
    await this.#chat.flush();
    await this.#chat.upgrade(tls(certificate, { isServer: true }));
    this.#isEncrypted = true;
    this.#isGreeted = false;
    this.#forgetMail();
  }

  #forgetMail(): void {
    this.#from = undefined;
    this.#to = [];
  }
}

async function fromStore<T>(promise: Promise<T>): Promise<T> {
  try {
    return await promise;
  } catch (cause) {
    throw new StoreError("the mail cannot be kept now", { cause });
  }
}

interface Command {
  /** In capitals. */
  readonly verb: string;
  readonly words: string;
}

function parseCommand(line: Uint8Array): Command | undefined {
  if (line.length > LONGEST_COMMAND) return undefined;
  try {
    const [, verb, words = ""] = text.decode(line).match(/^([A-Za-z]{1,10})(?: (\P{Cc}*))?$/u) ??
      [];
    return verb === undefined ? undefined : { verb: verb.toUpperCase(), words: words.trimEnd() };
  } catch {
    return undefined; // no UTF-8
  }
}
