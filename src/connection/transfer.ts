// A connection that gets another owner in the middle: by `detach()`, or for TLS.

import type { Connection } from "./connection.ts";
import { ClosedError } from "../errors.ts";
import type { NativeConnection, StartTls } from "./native.ts";
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
  readonly #connection: Partial<NativeConnection>;
  #underWay: Promise<Uint8Array | null> | undefined;
  readonly #isWriteClosed: boolean;
  /** Whether the read that was under way has settled: the connection cannot take back what it gave. */
  #hasSettled = false;

  constructor(
    connection: Connection,
    underWay: Promise<Uint8Array | null> | undefined,
    isWriteClosed: boolean,
  ) {
    super(connection);
    this.#connection = connection;
    this.#underWay = underWay;
    this.#isWriteClosed = isWriteClosed;
    const onSettled = (): void => void (this.#hasSettled = true);
    underWay?.then(onSettled, onSettled);
  }

  /** The connection's own way ends a read that is under way: it gives nothing. */
  startTls(start: StartTls): Promise<Connection> | undefined {
    return this.#hasSettled ? undefined : this.#connection.startTls?.(start);
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
