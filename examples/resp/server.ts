import { type Chat, FrameTooLongError, MalformedFrameError } from "../../mod.ts";
import { type Client, execute } from "./commands.ts";
import { addValue, type Piece, type Version } from "./encode.ts";
import type { Store } from "./store.ts";
import { RespError, type Value } from "./value.ts";

/** How much is answered at once, in bytes: beyond it the client must read before more is asked of the store. */
const ANSWERED_AT_ONCE = 64 * 1024;

/** How many arguments every engine takes. */
const MOST_ITEMS = 1024;

let lastId = 0;

/**
 * Serves one client over a chat whose terminator is `commands`, to its end. What is no command is answered with an error, and ends
 * the conversation. Commands that have arrived together are answered together.
 */
export async function serveResp(chat: Chat<Uint8Array[]>, store: Store): Promise<void> {
  const client: Client = { id: ++lastId, version: 2, name: "", isLeaving: false };
  const answers = new Answers(chat);
  try {
    for await (const batch of chat.batches()) {
      for (const words of batch) {
        answers.add(execute(words, store, client), client.version);
        if (client.isLeaving) return;
        if (answers.length >= ANSWERED_AT_ONCE) await answers.send();
      }
      await answers.send();
    }
  } catch (error) {
    const complaint = complaintAbout(error as Error);
    if (complaint === undefined) throw error;
    answers.add(new RespError(`ERR Protocol error: ${complaint}`), client.version);
  } finally {
    answers.send().catch(() => {}); // where the connection has broken, the chat says so
  }
}

/** What is to be sent together. */
class Answers {
  readonly #chat: Chat<unknown>;
  #items: Piece[] = [];
  /** How long it is, about: strings count by their characters. */
  length = 0;

  constructor(chat: Chat<unknown>) {
    this.#chat = chat;
  }

  add(value: Value, version: Version): void {
    const items = this.#items;
    const last = Math.max(0, items.length - 1);
    this.length -= items[last]?.length ?? 0; // it may become longer
    addValue(items, value, version);
    for (let at = last; at < items.length; at++) this.length += items[at]!.length;
  }

  /** Resolves when there is room for more. */
  async send(): Promise<void> {
    const items = this.#items;
    this.#items = [];
    this.length = 0;
    for (let at = 0; at < items.length; at += MOST_ITEMS) {
      await this.#chat.push(...items.slice(at, at + MOST_ITEMS));
    }
  }
}

/** What a client is told who has sent what is no command. */
function complaintAbout(error: Error): string | undefined {
  if (error instanceof FrameTooLongError) return "invalid bulk length";
  return error instanceof MalformedFrameError ? error.message : undefined;
}
