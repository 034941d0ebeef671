// How `closeWhenDone()` reads the peer out.

/** How long a peer is read out, in milliseconds: in all, and since bytes last arrived. */
const LONGEST = 30_000;
const LONGEST_SILENCE = 2_000;

/**
 * Drops what the peer still sends, until it ends, too: closing before that would reset the connection, and the peer
 * lose what it has not read yet.
 * @param read Reads the connection.
 * @param giveUp Is called when it takes too long. The read that is under way must settle then.
 */
export async function readOut(
  read: () => Promise<Uint8Array | null>,
  giveUp: () => void,
): Promise<void> {
  const longest = setTimeout(giveUp, LONGEST);
  let silence = setTimeout(giveUp, LONGEST_SILENCE);
  try {
    while (await read() !== null) {
      clearTimeout(silence);
      silence = setTimeout(giveUp, LONGEST_SILENCE);
    }
  } finally {
    clearTimeout(longest);
    clearTimeout(silence);
  }
}
