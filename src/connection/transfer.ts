// A connection that gets another owner in the middle: by `detach()`, or for TLS.

import type { Connection } from "./connection.ts";
import { ClosedError } from "../errors.ts";
import { WrappedConnection } from "./wrapped_connection.ts";

/**
 * A connection for its next owner. A connection allows one read at a time, and one `closeWrite()`; the next owner need
 * not know what the last one did: the first read gives what a read that is under way will bring, and a direction that
 * was ended is not ended again.
 */
export function transfer(
  connection: Connection,
  underWay: Promise<Uint8Array | null> | undefined,
  isWriteClosed: boolean,
): Connection {
  if (underWay === undefined && !isWriteClosed) return connection;
  return new TransferredConnection(connection, underWay, isWriteClosed);
}

class TransferredConnection extends WrappedConnection {
  #underWay: Promise<Uint8Array | null> | undefined;
  readonly #isWriteClosed: boolean;

  constructor(
    connection: Connection,
    underWay: Promise<Uint8Array | null> | undefined,
    isWriteClosed: boolean,
  ) {
    super(connection);
    this.#underWay = underWay;
    this.#isWriteClosed = isWriteClosed;
  }

  override read(): Promise<Uint8Array | null> {
    const underWay = this.#underWay;
    this.#underWay = undefined;
    return underWay ?? super.read();
  }

  override write(data: Uint8Array): Promise<void> {
    if (!this.#isWriteClosed) return super.write(data);
    return Promise.reject(
      new ClosedError("the sending side was closed before the connection was handed on"),
    );
  }

  override closeWrite(): Promise<void> {
    return this.#isWriteClosed ? Promise.resolve() : super.closeWrite();
  }
}
