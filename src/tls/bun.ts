// TLS in Bun's own way, over its own sockets.

import { concat, toBytes } from "../common/bytes.ts";
import { Deferred } from "../common/deferred.ts";
import { tcpAddress } from "../connection/address.ts";
import type { Connection } from "../connection/connection.ts";
import type { Handshake, StartTls } from "../connection/native.ts";
import { startHandshakeTimer, toHandshakeError } from "./handshake_error.ts";
import { infoOf, type TlsSocketLike } from "./info.ts";
import type { TlsSettings } from "./settings.ts";

/** What is needed of a `Bun.Socket`. */
interface BunTlsSocketLike extends TlsSocketLike {
  resume(): unknown;
  terminate?(): unknown;
  readonly remoteAddress: string;
  readonly remotePort?: number;
  /** Puts TLS over the socket: the two that it becomes, the second of which carries what is encrypted. */
  upgradeTLS(options: object): readonly BunTlsSocketLike[];
  /** Of a socket that speaks TLS: whether the peer's certificate is in order. */
  readonly authorized?: boolean;
}

/** Of the handlers of such a socket, the one that is added to here. */
interface Handlers {
  close(socket: BunTlsSocketLike, error?: Error): void;
}

/**
 * Puts TLS over a socket of which nothing is read or written any more. (By `node:tls`, as elsewhere, Bun would send
 * nothing after the peer's end.)
 */
export function startOnBun(settings: TlsSettings): StartTls {
  return (socket: BunTlsSocketLike, handlers, adopt) =>
    shakeHands(socket, settings, handlers as Handlers, adopt);
}

function shakeHands(
  socket: BunTlsSocketLike,
  settings: TlsSettings,
  handlers: Handlers,
  adopt: Parameters<StartTls>[2],
): Handshake {
  const { cert, key, ca, alpn, isServer, verifies } = settings;
  const shaken = new Deferred<Connection>();
  const remote = tcpAddress(socket.remoteAddress, socket.remotePort);
  let isDone = false;
  let carrier = socket;
  const onFailure = (error: unknown): void => {
    if (isDone) return;
    isDone = true;
    deadline?.clear();
    shaken.reject(toHandshakeError(error, settings, remote));
    carrier.terminate?.(); // end() would wait for the peer
  };
  const deadline = startHandshakeTimer(settings, onFailure);
  const serverName = settings.servername;
  const minVersion = settings.minVersion && VERSIONS[settings.minVersion];
  const options = { cert, key, ca, serverName, minVersion, ALPNProtocols: toWire(alpn) };
  socket.resume();
  const tls = { ...options, requestCert: isServer && verifies, rejectUnauthorized: verifies };
  const start = (): readonly BunTlsSocketLike[] =>
    socket.upgradeTLS({
      isServer,
      tls,
      socket: {
        ...handlers,
        handshake(secured: BunTlsSocketLike, success: boolean, error: Error | null) {
          const isSecure = verifies ? success && secured.authorized : success || isVerdict(error);
          if (!isSecure) return onFailure(error ?? new Error("the peer's certificate is refused"));
          isDone = true;
          deadline?.clear();
          shaken.resolve(adopt(secured, infoOf(secured)));
        },
        close(secured: BunTlsSocketLike, error?: Error) {
          onFailure(error ?? new Error("disconnected before it was done"));
          handlers.close(secured, error);
        },
      },
    });
  try {
    carrier = start()[1] ?? socket;
  } catch (error) {
    onFailure(error);
  }
  return { connection: shaken.promise, giveUp: onFailure };
}

/** The versions of TLS as they are sent, which is how Bun wants them. */
const VERSIONS = { "TLSv1.2": 0x0303, "TLSv1.3": 0x0304 } as const;

/** Bun says what is wrong with a certificate also where that does not matter: by OpenSSL's codes for it (X509_V_ERR). */
function isVerdict(error: Error | null): boolean {
  const { code = "" } = (error ?? {}) as { code?: string };
  return /^(ERR_TLS_CERT|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|INVALID_|PATH_LENGTH|HOSTNAME_)/
    .test(code);
}

/** The protocols as they are sent, which is how Bun wants them. */
function toWire(alpn: readonly string[]): Uint8Array | undefined {
  if (alpn.length === 0) return undefined;
  return concat(...alpn.flatMap((name) => [Uint8Array.of(name.length), toBytes("name", name)]));
}
