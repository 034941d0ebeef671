// TLS over any connection, by `node:tls`. It is loaded when it is needed.

import type { Duplex } from "node:stream";
import type { SecureContext, TLSSocket } from "node:tls";
import { plainBytes } from "../common/bytes.ts";
import { Deferred } from "../common/deferred.ts";
import type { Address, Connection, TlsInfo } from "../connection/connection.ts";
import { formatEndpoint } from "../connection/address.ts";
import { WrappedConnection } from "../connection/wrapped_connection.ts";
import { ConnectionError } from "../errors.ts";
import { startHandshakeTimer, toHandshakeError } from "./handshake_error.ts";
import { infoOf } from "./info.ts";
import type { TlsSettings } from "./settings.ts";
import { connectionOver } from "../connection/node.ts";
import { builtin } from "../connection/builtin.ts";

/** How long an end beneath TLS waits for what TLS says of it. Milliseconds. */
const LAST_WORDS = 100;

/**
 * TLS over any connection, by `node:tls`, which each runtime has:
 *
 * ```text
 *   TlsConnection ── tls.TLSSocket ── carrier (a Duplex) ── the connection
 * ```
 *
 * The carrier never fails by itself: what the connection meets is what the TLS socket is destroyed with, because not every
 * runtime passes it on.
 *
 * @returns The connection, when the handshake is done. The connection beneath is closed if it fails.
 */
export async function tlsOver(
  connection: Connection,
  settings: TlsSettings,
  context: SecureContext | undefined,
): Promise<Connection> {
  const tls = builtin("node:tls");
  const { Duplex } = builtin("node:stream");
  const shaken = new Deferred<Connection>();
  const ends = { local: connection.localAddress, remote: connection.remoteAddress };
  let socket: TLSSocket | undefined;
  const onSecure = (secured: TLSSocket): void => {
    socket = secured;
    socket.on("close", () => carrier.destroy());
    if ("Deno" in globalThis) keepPace(socket, carrier);
    const over = connectionOver(socket, ends);
    shaken.resolve(new TlsConnection(over, { connection, carrier }, infoOf(socket)));
  };
  const onFailure = (error: unknown): void => {
    if (socket !== undefined) return; // the connection says so by itself
    shaken.reject(toHandshakeError(error, settings, ends.remote));
    connection.close(error);
    carrier.destroy(); // and TLS with it, and what it waits with
  };
  const deadline = startHandshakeTimer(settings, onFailure);
  let lastWords: ReturnType<typeof setTimeout> | undefined;
  const carrier = makeCarrier(Duplex, connection, {
    onEnd(push) {
      if (socket !== undefined) return endSecured(socket, push, ends.remote);
      push();
      // What came before it may still tell why. Not every runtime takes an end for a failure.
      deadline?.clear();
      const cut = new Error("disconnected before it was done");
      lastWords ??= setTimeout(() => onFailure(cut), LAST_WORDS);
    },
    onError(error) {
      if (socket === undefined) onFailure(error);
      // A peer that is gone resets what it is sent of the end. When both ends are known, nothing is left to break.
      else if (!isEnded(socket) || !socket.writableEnded || socket.writableLength > 0) {
        socket.destroy(error);
      }
    },
  });
  try {
    const { cert, key, ca, alpn, minVersion, isServer, verifies, handshakeTimeout } = settings;
    const shared = { cert, key, ca, minVersion, ALPNProtocols: [...alpn] };
    const options = { ...shared, rejectUnauthorized: verifies };
    if (isServer) {
      const longest = Number.isFinite(handshakeTimeout) ? handshakeTimeout + 1_000 : 2 ** 31 - 1;
      const server = tls.createServer({
        ...options,
        requestCert: verifies,
        handshakeTimeout: longest,
      });
      server.once("secureConnection", onSecure);
      server.on("tlsClientError", (error, { authorizationError: code }) => {
        // Node refuses a certificate without a word.
        onFailure(code ? Object.assign(new Error(String(code)), { code }) : error);
      });
      server.emit("connection", carrier);
    } else {
      const host = settings.servername;
      const servername = isIp(host) ? "" : host; // an address cannot be asked for
      const where = { socket: carrier, host, servername };
      // A context takes Node half a millisecond to make. (Deno asks for the certificates.)
      const made = context && !("Deno" in globalThis) && { secureContext: context };
      const secured = tls.connect({ ...where, ...options, ...made });
      secured.once("secureConnect", () => onSecure(secured));
      secured.on("error", onFailure); // in vain, once it is secure
    }
    return await shaken.promise;
  } catch (error) {
    onFailure(error);
    return await shaken.promise;
  } finally {
    deadline?.clear();
    clearTimeout(lastWords);
  }
}

/**
 * The connection beneath has ended. TLS ends before that, by its close_notify: without it, an attacker may have cut the
 * connection off.
 */
function endSecured(socket: TLSSocket, push: () => void, remote: Address | undefined): void {
  const judge = (): void => {
    if (isEnded(socket)) push();
    else socket.destroy(truncationError(remote));
  };
  // Deno may look only later at what has arrived of TLS: on a busy machine, many turns later.
  if ("Deno" in globalThis && !isEnded(socket)) setTimeout(judge, LAST_WORDS);
  else judge();
}

/**
 * Checks certificates and keys before there is a connection for them. Returns what it made of them, to be used again.
 * @throws {TypeError} If they are not what they say, or do not belong together.
 */
export function checkContext(
  { cert, key, ca, minVersion }: TlsSettings,
): SecureContext | undefined {
  if (cert === undefined && ca === undefined) return undefined;
  const { createSecureContext } = builtin("node:tls");
  const { createPrivateKey, X509Certificate } = builtin("node:crypto");
  try {
    const context = createSecureContext({ cert, key, ca, minVersion });
    // Not every runtime looks whether they are certificates: what is none would be trusted by nobody, without a word.
    for (const authority of ca ?? []) new X509Certificate(authority);
    // Deno does not look whether they belong together.
    if (cert !== undefined && !new X509Certificate(cert).checkPrivateKey(createPrivateKey(key!))) {
      throw new Error("the key is another certificate's");
    }
    return context;
  } catch (cause) {
    throw new TypeError(
      `tls.cert, tls.key and tls.ca must be certificates and a key that belong together: ${
        (cause as Error).message
      }`,
      { cause },
    );
  }
}

class TlsConnection extends WrappedConnection {
  readonly #closed: Promise<void>;
  readonly #info: TlsInfo;
  readonly #carrier: Duplex;
  readonly #beneath: Connection;

  constructor(over: Connection, under: Beneath, info: TlsInfo) {
    super(over);
    this.#info = info;
    this.#carrier = under.carrier;
    this.#beneath = under.connection;
    this.#closed = Promise.all([over.closed, under.connection.closed]).then(() => {});
  }

  override get closed(): Promise<void> {
    return this.#closed;
  }

  override get tls(): TlsInfo {
    return this.#info;
  }

  /** TLS itself holds nothing: what it lies on does. */
  override ref(): void {
    this.#beneath.ref?.();
  }

  override unref(): void {
    this.#beneath.unref?.();
  }

  override async write(data: Uint8Array): Promise<void> {
    await super.write(data);
    const carrier = this.#carrier;
    // Bun gives the carrier all of it at once, whether there is room or not.
    if (carrier.writableNeedDrain && !carrier.destroyed) await drained(carrier);
    if (carrier.destroyed) await super.write(data); // which says why it was not taken
  }
}

/** What a connection over TLS lies on. */
interface Beneath {
  readonly connection: Connection;
  readonly carrier: Duplex;
}

/** What becomes of what the connection meets. */
interface CarrierEvents {
  /** The peer has ended its direction; `push` passes it on. */
  onEnd(push: () => void): void;
  onError(error: Error): void;
}

/** The connection as a stream that TLS takes. */
function makeCarrier(
  Stream: typeof Duplex,
  connection: Connection,
  { onEnd, onError }: CarrierEvents,
): Duplex {
  const carrier = new Stream({
    allowHalfOpen: true,
    read() {
      connection.read().then((chunk) => {
        if (chunk === null) onEnd(() => carrier.push(null));
        else carrier.push(chunk);
      }, onError);
    },
    write(chunk: Uint8Array, _encoding, done) {
      connection.write(plainBytes(chunk)).catch(onError).then(() => done());
    },
    final(done) {
      connection.closeWrite().catch(onError).then(() => done());
    },
    destroy(error, done) {
      connection.close(error ?? undefined);
      connection.closed.then(() => done(null));
    },
  });
  carrier.on("error", () => {});
  return carrier;
}

/** Deno's TLS takes from the carrier all that the peer sends, and keeps it, also while it is paused. */
function keepPace(socket: TLSSocket, carrier: Duplex): void {
  socket.on("pause", () => carrier.pause());
  socket.on("resume", () => carrier.resume());
}

/** Waits until there is room, or the carrier is gone. */
async function drained(carrier: Duplex): Promise<void> {
  const done = new Deferred();
  for (const event of ["drain", "close"]) carrier.on(event, done.resolve);
  await done.promise;
  for (const event of ["drain", "close"]) carrier.off(event, done.resolve);
}

/** Whether the peer's goodbye has come, though what came before it may not be read yet. */
function isEnded(socket: TLSSocket): boolean {
  return (socket as unknown as { _readableState: { ended: boolean } })._readableState.ended;
}

function isIp(name: string): boolean {
  return name.includes(":") || /^[\d.]+$/.test(name);
}

function truncationError(remote: Address | undefined): ConnectionError {
  return new ConnectionError(
    "tls",
    `cannot read from ${
      formatEndpoint(remote)
    }: the connection was cut off without the goodbye of ` +
      "TLS (close_notify), so what came may not be all that was sent",
  );
}
