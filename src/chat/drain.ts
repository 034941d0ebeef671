// How `closeWhenDone()` reads and discards what the peer still sends.

import { Deadline } from "../common/deadline.ts";
import { Yielder } from "../common/turns.ts";

/** How long that may take, in milliseconds: in all, and since bytes last arrived. */
export interface DrainLimits {
  readonly total: number;
  readonly idle: number;
}

/**
 * Discards what the peer still sends, until it ends, too: closing before that would reset the connection, and the peer
 * lose what it has not read yet.
 * @param read Reads the connection.
 * @param limits How long that may take.
 * @param onBytes Is called when some have arrived.
 * @param giveUp Is called when it takes too long. The read that is under way must settle then.
 */
export async function drain(
  read: () => Promise<Uint8Array | null>,
  { total, idle }: DrainLimits,
  onBytes: () => void,
  giveUp: () => void,
): Promise<void> {
  const end = after(total, giveUp);
  let silence = after(idle, giveUp);
  const yielder = new Yielder();
  try {
    while (await read() !== null) {
      onBytes();
      silence?.clear();
      silence = after(idle, giveUp);
      await yielder.maybeYield(); // the peer may never stop
    }
  } finally {
    end?.clear();
    silence?.clear();
  }
}

function after(milliseconds: number, call: () => void): Deadline | undefined {
  return milliseconds === Infinity ? undefined : new Deadline(milliseconds, call);
}
