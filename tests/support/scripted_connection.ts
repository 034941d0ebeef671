import type { Address, Connection } from "../../mod.ts";
import { Deferred } from "../../src/common/deferred.ts";
import { ClosedError } from "../../src/errors.ts";
import { concat, text } from "./bytes.ts";

/** A connection whose every step the test decides: what arrives and when, when a write is taken, and what fails. */
export class ScriptedConnection implements Connection {
  readonly localAddress: Address | undefined = undefined;
  readonly remoteAddress: Address | undefined = undefined;
  readonly canReset: boolean | undefined;
  /** A copy of what each write was given. */
  readonly writes: Uint8Array[] = [];
  /** How often the connection was asked for bytes. */
  reads = 0;
  writeEnded = false;
  /** The reasons of each `close()`. */
  readonly closes: unknown[] = [];

  readonly #closed = new Deferred();
  readonly #arrived: (Uint8Array | null | Error)[] = [];
  #reading: Deferred<Uint8Array | null> | undefined;
  #holding: Deferred | undefined;
  #written = new Deferred();

  readonly #isSlow: boolean;

  /** @param options `isSlow`: `closed` resolves only when it vanishes, also after `close()`. */
  constructor(
    options: { readonly canReset?: boolean | undefined; readonly isSlow?: boolean } = {},
  ) {
    this.canReset = options.canReset;
    this.#isSlow = options.isSlow ?? false;
  }

  /** All that was written, as text. */
  get sent(): string {
    return text(concat(this.writes));
  }

  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  /** Lets a chunk, the end, or an error arrive. */
  arrive(event: Uint8Array | null | Error): void {
    this.#arrived.push(event);
    this.#deliver();
  }

  /** Lets writes wait from now on. */
  hold(): void {
    this.#holding = new Deferred();
  }

  /** Takes the write that waits, and those after it; or lets them fail. */
  release(error?: Error): void {
    if (error) this.#holding?.reject(error);
    else this.#holding?.resolve();
    if (!error) this.#holding = undefined;
  }

  /** Resolves when that many writes have begun. */
  async wrote(count: number = 1): Promise<void> {
    while (this.writes.length < count) await this.#written.promise;
  }

  /** Goes away by itself. */
  vanish(): void {
    this.#closed.resolve();
  }

  read(): Promise<Uint8Array | null> {
    this.reads++;
    const reading = this.#reading = new Deferred<Uint8Array | null>();
    this.#deliver();
    return reading.promise;
  }

  async write(data: Uint8Array): Promise<void> {
    this.writes.push(data.slice());
    this.#written.resolve();
    this.#written = new Deferred();
    await this.#holding?.promise;
  }

  closeWrite(): Promise<void> {
    this.writeEnded = true;
    return Promise.resolve();
  }

  close(reason?: unknown): void {
    this.closes.push(reason);
    const error = new ClosedError("closed");
    this.#reading?.reject(error);
    this.#holding?.reject(error);
    if (!this.#isSlow) this.#closed.resolve();
  }

  #deliver(): void {
    if (this.#reading === undefined || this.#arrived.length === 0) return;
    const event = this.#arrived.shift()!;
    if (event instanceof Error) this.#reading.reject(event);
    else this.#reading.resolve(event);
    this.#reading = undefined;
  }
}
