import type { Address, Connection } from "./connection.ts";

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

class HandedOnConnection implements Connection {
  readonly #connection: Connection;
  #underWay: Promise<Uint8Array | null> | undefined;

  constructor(connection: Connection, underWay: Promise<Uint8Array | null>) {
    this.#connection = connection;
    this.#underWay = underWay;
  }

  get closed(): Promise<void> {
    return this.#connection.closed;
  }

  get localAddress(): Address | undefined {
    return this.#connection.localAddress;
  }

  get remoteAddress(): Address | undefined {
    return this.#connection.remoteAddress;
  }

  read(): Promise<Uint8Array | null> {
    const underWay = this.#underWay;
    this.#underWay = undefined;
    return underWay ?? this.#connection.read();
  }

  write(data: Uint8Array): Promise<void> {
    return this.#connection.write(data);
  }

  closeWrite(): Promise<void> {
    return this.#connection.closeWrite();
  }

  close(reason?: unknown): void {
    this.#connection.close(reason);
  }
}
