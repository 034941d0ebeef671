// A connection that passes everything on to another: for those that change one thing.

import type { Address, Connection, TlsInfo } from "./connection.ts";
import { checkIsConnection } from "./native.ts";

export class WrappedConnection implements Connection {
  readonly #connection: Connection;

  constructor(connection: Connection) {
    checkIsConnection(connection);
    this.#connection = connection;
  }

  get closed(): Promise<void> {
    return this.#connection.closed;
  }

  get canReset(): boolean | undefined {
    return this.#connection.canReset;
  }

  get localAddress(): Address | undefined {
    return this.#connection.localAddress;
  }

  get remoteAddress(): Address | undefined {
    return this.#connection.remoteAddress;
  }

  get tls(): TlsInfo | undefined {
    return this.#connection.tls;
  }

  read(): Promise<Uint8Array | null> {
    return this.#connection.read();
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

  ref(): void {
    this.#connection.ref?.();
  }

  unref(): void {
    this.#connection.unref?.();
  }

  unlock(): void {
    this.#connection.unlock?.();
  }
}
