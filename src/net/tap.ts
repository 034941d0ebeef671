// tap(): shows what passes through a connection.

import { describeBytes } from "../common/bytes.ts";
import { checkFunction, describe } from "../common/checks.ts";
import { notify } from "../common/attempt.ts";
import type { Connection } from "../connection/connection.ts";
import { WrappedConnection } from "../connection/wrapped_connection.ts";

/**
 * A connection that tells what passes through it, and changes nothing: to see what two programs really say to each
 * other. With `connect()`, `listen()` and `serve()`, the option `wrap: tap` is all it takes.
 *
 * ```text
 *   > 6 bytes "hello\n"        written, and taken by the transport
 *   < 3 bytes "ok\n"           received
 *   > end                      the writing side was ended; < end: the peer's was
 *   < error ...                what went wrong, reading or (>) writing
 *   close                      closed, with the reason if there is one
 * ```
 *
 * @param connection The connection; use what is returned instead.
 * @param log Is called with each line. What it throws is ignored. Default, and as `wrap: tap`: `console.log`.
 * @returns The connection to use.
 * @throws {TypeError} If `connection` is none, or `log` is no function.
 *
 * @example
 * ```ts
 * import { Chat, memoryPair, tap } from "@asynchat/asynchat";
 * import { assertEquals } from "@std/assert";
 *
 * const seen: string[] = [];
 * const [left, right] = memoryPair();
 * const chat = new Chat(tap(left, (line) => seen.push(line)), { terminator: "\n" });
 * await chat.send("hello");
 * await chat.flush();
 * assertEquals(seen, ['> 6 bytes "hello\\n"']);
 * chat.close();
 * right.close();
 * ```
 */
export function tap(
  connection: Connection,
  log: ((line: string) => void) | { isServer: boolean } = console.log,
): Connection {
  // As `wrap: tap` it is told what the connection is for, and not where to log.
  const lines = isTarget(log) ? console.log : log;
  checkFunction("log", lines);
  return new TappedConnection(connection, lines);
}

function isTarget(log: unknown): log is { isServer: boolean } {
  return typeof (log as { isServer?: unknown } | null)?.isServer === "boolean";
}

class TappedConnection extends WrappedConnection {
  readonly #log: (line: string) => void;

  constructor(connection: Connection, log: (line: string) => void) {
    super(connection);
    this.#log = (line) => notify(() => log(line)); // what passes must not depend on who looks on
  }

  override async read(): Promise<Uint8Array | null> {
    const chunk = await this.#tell("<", super.read());
    this.#log(chunk === null ? "< end" : `< ${inWords(chunk)}`);
    return chunk;
  }

  override async write(data: Uint8Array): Promise<void> {
    const words = inWords(data); // the caller may reuse the array
    await this.#tell(">", super.write(data));
    this.#log(`> ${words}`);
  }

  override async closeWrite(): Promise<void> {
    await this.#tell(">", super.closeWrite());
    this.#log("> end");
  }

  override close(reason?: unknown): void {
    this.#log(reason === undefined ? "close" : `close ${describe(reason)}`);
    super.close(reason);
  }

  async #tell<T>(direction: string, result: Promise<T>): Promise<T> {
    try {
      return await result;
    } catch (error) {
      this.#log(`${direction} error ${describe(error)}`);
      throw error;
    }
  }
}

function inWords(bytes: Uint8Array): string {
  return `${bytes.length} bytes ${describeBytes(bytes)}`;
}
