/** The client's side of the board of notes. */
import type { Chat } from "../../mod.ts";

/** Puts a note on the board. */
export async function putNote(chat: Chat<string>, name: string, note: Uint8Array): Promise<void> {
  chat.push(`PUT ${name} ${note.length}\n`, note);
  await answerOf(chat, /^OK$/);
}

/** Reads a note. */
export async function getNote(chat: Chat<string>, name: string): Promise<Uint8Array> {
  await chat.send(`GET ${name}`);
  const [, length] = await answerOf(chat, /^NOTE (\d+)$/);
  const note = await chat.readBytes(Number(length));
  if (note === null) throw new Error("the server closed before the note came");
  return note;
}

/** The answer, if it is what is expected: anything else is an error with the server's words. */
async function answerOf(chat: Chat<string>, expected: RegExp): Promise<RegExpExecArray> {
  const answer = await chat.read();
  const match = expected.exec(answer ?? "");
  if (match === null) throw new Error(answer ?? "the server closed without an answer");
  return match;
}
