import type { Chat } from "../../mod.ts";

/** What a mail has that no mail may have: it could be read as two (see below). */
export class SmugglingError extends Error {
  override readonly name: string = "SmugglingError";
}

const [DOT, CR, LF] = [0x2e, 13, 10];
const END_OF_LINE = Uint8Array.of(CR, LF);

/**
 * A mail behind `DATA`, in pieces of whole lines, up to the line that is a single dot (RFC 5321, section 4.5.2): another dot at the
 * beginning of a line was put there by the sender, and is taken away.
 *
 *     Hello!\r\n..signed\r\n.\r\n        is the mail "Hello!\r\n.signed\r\n"
 *
 * The chat's terminator is `\r\n`. A `\r` or a `\n` that stands alone is refused: a server that takes `\n.\r\n` for the end of a mail
 * reads what another takes for its middle as new commands (section 2.3.8; CVE-2023-51764 and others).
 *
 * @throws {SmugglingError} After which nothing can be believed that comes.
 */
export async function* readMail(chat: Chat): AsyncGenerator<Uint8Array, void> {
  for await (const batch of chat.batches()) {
    const lines: Uint8Array[] = [];
    let isOver = false;
    for (const line of batch) {
      if (line.includes(CR) || line.includes(LF)) {
        throw new SmugglingError("a line of the mail has a CR or an LF alone");
      }
      isOver = line.length === 1 && line[0] === DOT;
      if (isOver) break; // what follows are commands again
      lines.push(line[0] === DOT ? line.subarray(1) : line, END_OF_LINE);
    }
    if (lines.length > 0) yield joined(lines);
    if (isOver) return;
  }
  throw new Error("the connection ended in the middle of a mail");
}

function joined(pieces: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
