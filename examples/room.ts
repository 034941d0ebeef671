/**
 * A chat room: whoever comes says a name, and from then on hears what everybody says.
 *
 *     S: * your name?\n
 *     C: ada\n
 *     S: * welcome, ada: others here: 2\n
 *     C: hello\n
 *     S: ada: hello\n          to everybody, who all hear the same in the same order
 */
import type { Chat } from "../mod.ts";

const LONGEST_NAME = 20;
const encoder = new TextEncoder();

/** Those who are here. */
export class Room {
  readonly #members: Map<Chat<string>, string> = new Map();

  /** Serves one chat of lines of text, until it ends. */
  async serve(chat: Chat<string>): Promise<void> {
    chat.push("* your name?\n");
    const name = (await chat.read())?.trim().slice(0, LONGEST_NAME);
    if (!name) return;

    chat.push(`* welcome, ${name}: others here: ${this.#members.size}\n`);
    this.#members.set(chat, name);
    try {
      for await (const line of chat) this.#say(`${name}: ${line}`);
    } finally {
      this.#members.delete(chat);
      this.#say(`* ${name} has left`);
    }
  }

  /**
   * Nobody waits for anybody here: the push is not awaited. What a slow member has not taken yet waits in its own queue, and
   * when that is full, its chat is closed, its loop ends with a `BackpressureError`, and its push is nobody's trouble.
   */
  #say(line: string): void {
    const data = encoder.encode(`${line}\n`); // once for everybody: a large array is sent without being copied
    for (const chat of this.#members.keys()) chat.push(data);
  }
}
