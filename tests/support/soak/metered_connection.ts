import type { Connection } from "../../../mod.ts";
import { WrappedConnection } from "../../../src/connection/wrapped_connection.ts";

/** A connection that counts what passes, and notes where its caller breaks the rules for callers. */
export class MeteredConnection extends WrappedConnection {
  bytesRead = 0;
  /** How many bytes writes were asked to send, and how many of these were taken. */
  bytesOffered = 0;
  bytesWritten = 0;
  readonly wrongs: string[] = [];
  #reads = 0;
  #writes = 0;
  #closeWrites = 0;
  #closes = 0;
  #isEnded = false;

  constructor(connection: Connection) {
    super(connection);
  }

  /** What is under way, for the report of what hangs. */
  get underWay(): string {
    return `${this.#reads} reads, ${this.#writes} writes under way, ` +
      `${this.#closeWrites} closeWrite(), ${this.#closes} close()`;
  }

  /** Whether nothing is under way, nor will be: it was closed, or read to its end. */
  get isOver(): boolean {
    return this.#reads === 0 && this.#writes === 0 && (this.#closes > 0 || this.#isEnded);
  }

  override async read(): Promise<Uint8Array | null> {
    if (++this.#reads > 1) this.wrongs.push("read() while a read() is under way");
    try {
      const chunk = await super.read();
      if (chunk?.length === 0) this.wrongs.push("an empty chunk");
      this.bytesRead += chunk?.length ?? 0;
      this.#isEnded = chunk === null;
      return chunk;
    } catch (error) {
      this.#isEnded = true;
      throw error;
    } finally {
      this.#reads--;
    }
  }

  override async write(data: Uint8Array): Promise<void> {
    if (++this.#writes > 1) this.wrongs.push("write() while a write() is under way");
    if (this.#closeWrites > 0) this.wrongs.push("write() after closeWrite()");
    this.bytesOffered += data.length;
    try {
      await super.write(data);
      this.bytesWritten += data.length;
    } finally {
      this.#writes--;
    }
  }

  override closeWrite(): Promise<void> {
    if (++this.#closeWrites > 1) this.wrongs.push("closeWrite() was repeated");
    if (this.#writes > 0) this.wrongs.push("closeWrite() while a write() is under way");
    return super.closeWrite();
  }

  override close(reason?: unknown): void {
    this.#closes++;
    super.close(reason);
  }
}
