import { assertEquals } from "@std/assert";
import type { Connection } from "../../mod.ts";
import { WrappedConnection } from "../../src/connection/wrapped_connection.ts";

/**
 * A connection that holds its caller to what every caller guarantees: at most one `read()` and one `write()` under way,
 * `closeWrite()` once, when no `write()` is, and no `write()` after it. It remembers what was done otherwise, since a
 * caller may well ignore what it throws; and it notes what passes through.
 */
export class StrictConnection extends WrappedConnection {
  /** What the caller should not have done. */
  readonly wrongs: string[] = [];
  /** A copy of each chunk that was read. */
  readonly received: Uint8Array[] = [];
  /** Whether the end of the peer's direction was read. */
  isEnded = false;
  #reading = false;
  #writing = false;
  #writeClosed = false;

  constructor(connection: Connection) {
    super(connection);
  }

  override async read(): Promise<Uint8Array | null> {
    if (this.#reading) this.wrongs.push("read() while another is under way");
    this.#reading = true;
    try {
      const chunk = await super.read();
      if (chunk === null) this.isEnded = true;
      else this.received.push(chunk.slice());
      return chunk;
    } finally {
      this.#reading = false;
    }
  }

  override async write(data: Uint8Array): Promise<void> {
    if (this.#writing) this.wrongs.push("write() while another is under way");
    if (this.#writeClosed) this.wrongs.push("write() after closeWrite()");
    this.#writing = true;
    try {
      await super.write(data);
    } finally {
      this.#writing = false;
    }
  }

  override async closeWrite(): Promise<void> {
    if (this.#writing) this.wrongs.push("closeWrite() while a write() is under way");
    if (this.#writeClosed) this.wrongs.push("closeWrite() again");
    this.#writeClosed = true;
    await super.closeWrite();
  }

  /** Fails if the caller did anything that it should not have done. */
  check(): void {
    assertEquals(this.wrongs, []);
  }
}
