// What a socket that speaks TLS says of its peer, once the handshake is done.

import { copyOf } from "../common/bytes.ts";
import type { TlsInfo } from "../connection/connection.ts";

/** A `tls.TLSSocket`, or a socket of Bun's. */
export interface TlsSocketLike {
  readonly alpnProtocol?: string | false | null | undefined;
  getPeerCertificate?(): object | null | undefined;
}

export function infoOf(socket: TlsSocketLike): TlsInfo {
  const { raw } = (socket.getPeerCertificate?.() ?? {}) as { raw?: Uint8Array };
  return { alpn: socket.alpnProtocol || undefined, peerCertificate: raw && copyOf(raw) };
}
