/**
 * A board of notes: a line says what is wanted, and how many bytes of a note follow. `docs/writing_a_protocol.md` tells how it
 * was made.
 *
 *     C: PUT shopping 12\n
 *     C: milk\n3 eggs\n
 *     S: OK\n
 *     C: GET shopping\n
 *     S: NOTE 12\n
 *     S: milk\n3 eggs\n
 */
import { type Chat, FrameTooLongError } from "../../mod.ts";

const REQUEST = /^(?:(QUIT)|(GET) (\w{1,64})|(PUT) (\w{1,64}) (\d{1,9}))$/;
const EXPECTED = "expected PUT NAME LENGTH, GET NAME or QUIT";

/** Serves one client. The notes are shared by all. */
export async function serveNotes(
  chat: Chat<string>,
  notes: Map<string, Uint8Array>,
): Promise<void> {
  await using _ = chat; // however this ends: what was sent is delivered, and the chat is closed
  try {
    for await (const line of chat) {
      const [, quit, get, wanted, put, name, length] = REQUEST.exec(line) ?? [];
      if (quit) return;
      else if (get) await sendNote(chat, wanted!, notes.get(wanted!));
      else if (put) {
        const note = await chat.readBytes(Number(length)); // this one frame is so many bytes
        if (note === null) return; // the client has ended, and sent nothing of it
        notes.set(name!, note.slice()); // the note is kept for long, the chunk that it came in is not
        await chat.send("OK");
      } else await chat.send(`ERR ${EXPECTED}, not ${JSON.stringify(line)}`);
    }
  } catch (error) {
    if (!(error instanceof FrameTooLongError)) throw error;
    await chat.send(`ERR ${error.limit} bytes are the most, not ${error.seen}`);
  }
}

async function sendNote(chat: Chat<string>, name: string, note?: Uint8Array): Promise<void> {
  if (note === undefined) await chat.send(`ERR there is no note "${name}"`);
  else await chat.push(`NOTE ${note.length}\n`, note);
}
