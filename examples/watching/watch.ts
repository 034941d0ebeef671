/**
 * What a server's operator sees of it: a line when a connection begins, and when it ends, with the reason; numbers for Prometheus;
 * and, with `--trace`, each frame.
 *
 *     127.0.0.1:50312  begins
 *     127.0.0.1:50312  received  5 bytes  "hello"
 *     127.0.0.1:50312  sent  11 bytes  "ada: hello\n"
 *     127.0.0.1:50312  ends: in order
 */
import { Registry } from "prom-client";
import type { Chat, Frame } from "../../mod.ts";
import { formatAddress } from "../command_line.ts";
import { describe } from "../describe.ts";
import { Traffic } from "./traffic.ts";

export interface WatchOptions {
  /** Whether each frame is shown. Default: `false`. */
  readonly trace?: boolean;
  /** Is told each line. Default: `console.log`. */
  readonly log?: (line: string) => void;
}

export class Watch {
  /** What `/metrics` shows; a server's own numbers are registered here, too. */
  readonly registry: Registry = new Registry();
  readonly #traffic: Traffic = new Traffic(this.registry);
  readonly #names: WeakMap<Chat<Frame>, string> = new WeakMap();
  readonly #trace: boolean;
  readonly #log: (line: string) => void;

  constructor({ trace = false, log = console.log }: WatchOptions = {}) {
    this.#trace = trace;
    this.#log = log;
  }

  /** Follows a chat from its beginning to its end. */
  begin(chat: Chat<Frame>, name: string = nameOf(chat)): void {
    this.#traffic.add(chat);
    this.#names.set(chat, name);
    this.#log(`${name}  begins`);
    void chat.closed.then((error) => this.#log(`${name}  ends: ${error?.message ?? "in order"}`));
  }

  /** A chat has given a frame. */
  received(chat: Chat<Frame>, frame: Frame): void {
    if (this.#trace) this.#log(`${this.nameOf(chat)}  received  ${describe(frame)}`);
  }

  /** A frame was pushed to a chat. */
  sent(chat: Chat<Frame>, data: Frame): void {
    this.#traffic.countSent();
    if (this.#trace) this.#log(`${this.nameOf(chat)}  sent  ${describe(data)}`);
  }

  /** What a chat is called in these lines. */
  nameOf(chat: Chat<Frame>): string {
    return this.#names.get(chat) ?? nameOf(chat);
  }
}

function nameOf({ remoteAddress }: Chat<Frame>): string {
  return remoteAddress ? formatAddress(remoteAddress) : "somebody";
}
