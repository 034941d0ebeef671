// The handshakes of TLS, on the way from a listener to `accept()`.

import { AcceptQueue } from "./accept_queue.ts";
import { Deferred } from "../common/deferred.ts";
import { notify } from "../common/attempt.ts";
import type { Address, Connection, ConnectionListener } from "../connection/connection.ts";
import { secure } from "../tls/secure.ts";
import type { TlsSettings } from "../tls/settings.ts";

/** How many handshakes may be under way at a time; whoever comes then waits to be accepted. */
const MOST_HANDSHAKES = 1_000;

/**
 * A listener whose connections speak TLS: it hands them out when their handshake is done, so that a client that is slow
 * to shake hands, or never does, holds up nobody.
 *
 * ```text
 *   listener ──▶ [ handshake ]
 *            ──▶ [ handshake ] ──▶ queue ──▶ accept()
 *            ──▶ [ handshake ] ──▶ onFailure()
 * ```
 */
export class TlsListener implements ConnectionListener {
  readonly #listener: ConnectionListener;
  readonly #settings: TlsSettings;
  readonly #onFailure: (error: Error) => void;
  readonly #queue = new AcceptQueue();
  readonly #shaking: Set<Connection> = new Set();
  readonly #mostHandshakes: number;
  /** Resolves when somebody accepts again after an error. */
  #asked = new Deferred();
  /** Resolves when a handshake is over. */
  #over = new Deferred();
  #isClosed = false;

  /**
   * @param listener Where connections come from.
   * @param settings Of the server's side.
   * @param onFailure Is told of each handshake that failed.
   * @param mostHandshakes How many may be under way at a time.
   */
  constructor(
    listener: ConnectionListener,
    settings: TlsSettings,
    onFailure: (error: Error) => void,
    mostHandshakes: number = MOST_HANDSHAKES,
  ) {
    this.#listener = listener;
    this.#settings = settings;
    this.#onFailure = onFailure;
    this.#mostHandshakes = mostHandshakes;
    void this.#run();
  }

  get address(): Address {
    return this.#listener.address;
  }

  get closed(): Promise<void> {
    return this.#listener.closed;
  }

  accept(): Promise<Connection | null> {
    this.#asked.resolve();
    return this.#queue.accept();
  }

  close(): void {
    this.#isClosed = true;
    this.#asked.resolve();
    this.#listener.close();
    for (const connection of this.#shaking) connection.close();
    this.#queue.close();
  }

  async #run(): Promise<void> {
    while (!this.#isClosed) {
      try {
        const connection = await this.#listener.accept();
        if (connection === null) return;
        void this.#shakeHands(connection);
        while (this.#shaking.size >= this.#mostHandshakes) await this.#over.promise;
      } catch (error) {
        // Whoever accepts is told, and asks again when it is time to.
        this.#asked = new Deferred();
        this.#queue.fail(error as Error);
        await this.#asked.promise;
      }
    }
  }

  async #shakeHands(connection: Connection): Promise<void> {
    this.#shaking.add(connection);
    try {
      this.#queue.put(await secure(connection, this.#settings));
    } catch (error) {
      if (!this.#isClosed) notify(() => this.#onFailure(error as Error));
    }
    this.#shaking.delete(connection);
    this.#over.resolve();
    this.#over = new Deferred();
  }
}
