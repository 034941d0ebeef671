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
  /** How many bytes were taken. */
  written = 0;
  /** Whether the end of the peer's direction was read. */
  isEnded = false;
  readonly #underWay: Map<"read" | "write" | "closeWrite", Promise<unknown>> = new Map();
  #isWriteClosed = false;

  constructor(connection: Connection) {
    super(connection);
  }

  override async read(): Promise<Uint8Array | null> {
    const chunk = await this.#do("read", super.read());
    if (chunk === null) this.isEnded = true;
    else this.received.push(chunk.slice());
    if (chunk?.length === 0) this.wrongs.push("read() gave an empty chunk");
    return chunk;
  }

  override async write(data: Uint8Array): Promise<void> {
    if (this.#isWriteClosed) this.wrongs.push("write() after closeWrite()");
    await this.#do("write", super.write(data));
    this.written += data.length;
  }

  override async closeWrite(): Promise<void> {
    if (this.#underWay.has("write")) this.wrongs.push("closeWrite() while a write() is under way");
    if (this.#isWriteClosed) this.wrongs.push("closeWrite() again");
    this.#isWriteClosed = true;
    await this.#do("closeWrite", super.closeWrite());
  }

  /** Resolves when nothing is under way. */
  async settled(): Promise<void> {
    while (this.#underWay.size > 0) await Promise.allSettled(this.#underWay.values());
  }

  /** Fails if the caller did anything that it should not have done. */
  check(): void {
    assertEquals(this.wrongs, []);
  }

  async #do<T>(what: "read" | "write" | "closeWrite", result: Promise<T>): Promise<T> {
    if (this.#underWay.has(what)) this.wrongs.push(`${what}() while another is under way`);
    this.#underWay.set(what, result);
    try {
      return await result;
    } finally {
      this.#underWay.delete(what);
    }
  }
}
