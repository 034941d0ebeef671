/**
 * The lines that a member reads. A name begins with a letter, so nobody can say a line that passes for one of the server's own.
 *
 *     ada: hello                                 said in your room
 *     [2026-11-25T10:03:04.000Z] ada: hello      said there before, or while you could not hear it
 *     (ada) hello                                said to you alone
 *     (to bob) hello                             what you have said to one alone
 *     * ada joins tea                            what happens, and answers
 *     ! there is no /dance: ...                  what is not done, and why
 */
import type { RoomEvent, Said } from "./event.ts";

/** An event of a room, as its members read it. */
export function showEvent(event: RoomEvent, room: string): string {
  switch (event.type) {
    case "said":
      return `${event.nick}: ${event.words}\n`;
    case "joins":
      return notice(`${event.nick} joins ${room}`);
    case "leaves":
      return notice(`${event.nick} leaves ${room}: ${event.why}`);
    case "renames":
      return notice(`${event.nick} is called ${event.to} now`);
  }
}

/** What was said before. */
export function showPast({ time, nick, words }: Said): string {
  return `[${new Date(time).toISOString()}] ${nick}: ${words}\n`;
}

export function notice(text: string): string {
  return `* ${text}\n`;
}

export function refusal(text: string): string {
  return `! ${text}\n`;
}
