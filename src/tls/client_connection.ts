// A client whose server may break off because of its certificate, or because it has none.

import type { Connection } from "../connection/connection.ts";
import { formatEndpoint } from "../connection/address.ts";
import { WrappedConnection } from "../connection/wrapped_connection.ts";
import { ConnectionError } from "../errors.ts";

/**
 * A connection that says what it may mean when the server breaks off before it has sent anything.
 *
 * With TLS 1.3 the client's handshake is over before the server has looked for the client's certificate. Many servers say
 * what is wrong by an alert, and each runtime reports that. Servers on `node:tls` cut the connection off instead.
 */
export class ClientConnection extends WrappedConnection {
  readonly #hasCertificate: boolean;
  #hasHeard = false;

  constructor(connection: Connection, hasCertificate: boolean) {
    super(connection);
    this.#hasCertificate = hasCertificate;
  }

  override read(): Promise<Uint8Array | null> {
    const reading = super.read();
    if (this.#hasHeard) return reading;
    return reading.then((chunk) => {
      this.#hasHeard = true;
      return chunk;
    }, (error) => this.#explain(error));
  }

  override write(data: Uint8Array): Promise<void> {
    const writing = super.write(data);
    return this.#hasHeard ? writing : writing.catch((error) => this.#explain(error));
  }

  #explain(error: unknown): never {
    if (this.#hasHeard || !this.#isCutOff(error)) throw error;
    const why = this.#hasCertificate
      ? "it may refuse the certificate of this side (tls.cert)"
      : "it may ask for a certificate: the client must give tls.cert and tls.key then";
    const peer = formatEndpoint(this.remoteAddress);
    throw new ConnectionError(
      "tls",
      `${peer} ended the connection right after the TLS handshake: ${why}`,
      { cause: error },
    );
  }

  /** Whether the connection ended without the last word of TLS, or was reset. (A reset may have other reasons.) */
  #isCutOff(error: unknown): boolean {
    if (!(error instanceof ConnectionError)) return false;
    if (error.code === "reset") return this.#hasCertificate;
    return error.code === "tls" && error.cause === undefined;
  }
}
