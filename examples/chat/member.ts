import type { Chat, Frame } from "../../mod.ts";
import type { Watch } from "../watching/watch.ts";
import { notice } from "./line.ts";
import type { Room } from "./room.ts";

/** Somebody who is connected to this server. */
export class Member {
  /** Empty until it has said one. */
  nick = "";
  /** Since when it has its name, in milliseconds. */
  since = 0;
  room: Room | undefined;
  readonly #chat: Chat<string>;
  readonly #watch: Watch;

  constructor(chat: Chat<string>, watch: Watch) {
    this.#chat = chat;
    this.#watch = watch;
  }

  /**
   * Sends it something, and waits for nobody: what a slow member has not taken yet waits in its own queue, and when that is full, its
   * chat is closed, its loop ends with a `BackpressureError`, and its push is nobody's trouble.
   */
  tell(data: Frame): void {
    this.#watch.sent(this.#chat, data);
    this.#chat.push(data);
  }

  /** Sends it away, when it has read this. */
  dismiss(text: string): void {
    this.tell(notice(text));
    this.#chat.closeWhenDone().catch(() => {}); // it may be gone before
  }
}
