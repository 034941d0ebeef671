import type { Connection } from "./connection.ts";
import { WrappedConnection } from "./wrapped_connection.ts";

/**
 * A connection for its next owner: its first read gives what a read that is under way will bring. (A read that was given
 * up may have left one, and a connection allows only one at a time.)
 */
export function handOn(
  connection: Connection,
  underWay: Promise<Uint8Array | null> | undefined,
): Connection {
  return underWay === undefined ? connection : new HandedOnConnection(connection, underWay);
}

class HandedOnConnection extends WrappedConnection {
  #underWay: Promise<Uint8Array | null> | undefined;

  constructor(connection: Connection, underWay: Promise<Uint8Array | null>) {
    super(connection);
    this.#underWay = underWay;
  }

  override read(): Promise<Uint8Array | null> {
    const underWay = this.#underWay;
    this.#underWay = undefined;
    return underWay ?? super.read();
  }
}
