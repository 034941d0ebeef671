// What TLS reports of a failure, in words for an error message.

/** What people meet, by the runtimes' codes and messages, and behind the colon what to do. Anything else is said in OpenSSL's own words. */
const WORDS: readonly (readonly [RegExp, string])[] = [
  [
    /CERT_HAS_EXPIRED|certificate has expired/i,
    "the certificate has expired: the peer must renew it (or the clock is wrong here)",
  ],
  [
    /DEPTH_ZERO_SELF_SIGNED/i,
    "the certificate is self-signed, and not trusted here: to trust it, give it as tls.ca",
  ],
  [
    /SELF_SIGNED_CERT|UNABLE_TO_GET_ISSUER|UNABLE_TO_VERIFY|self.signed certificate|unable to (get|verify)/i,
    "no authority that is trusted here has signed the certificate: give the authority's certificate as tls.ca",
  ],
  [
    /PEER_DID_NOT_RETURN|NO_CERTIFICATE|CERTIFICATE_?REQUIRED/i,
    "the server asks for a certificate, and the client has none: the client must give tls.cert and tls.key",
  ],
  [
    /ALERT_(UNKNOWN_CA|BAD_CERTIFICATE|CERTIFICATE)|ALERT.*(unknown ?ca|bad ?certificate|certificate ?(expired|unknown))/i,
    "the peer refuses the certificate of this side",
  ],
  [
    /WRONG_VERSION_NUMBER|HTTP_REQUEST|(PACKET|ENCRYPTED|DATA)_LENGTH_TOO_LONG|wrong version number|http request|(packet|data) length too long|record layer/i,
    "the peer sent something that is not TLS: it speaks none there, or both sides have not agreed to begin yet",
  ],
  [
    /ECONNRESET|^reset |socket (hang up|disconnected)|disconnected before/i,
    "the peer ended the connection during the handshake: it speaks no TLS there, or refuses this side's certificate or protocols",
  ],
];

/** Whether TLS says so, and not the sockets beneath. */
export function isTlsError(cause: unknown): boolean {
  const { code } = cause as { code?: unknown };
  return typeof code === "string" && /^(ERR_SSL_|ERR_TLS_|ERR_OSSL_|EPROTO$)/.test(code);
}

/** A failure in words for an error message, and what there is to do about it. */
export interface Explained {
  readonly words: string;
  readonly hint?: string | undefined;
}

/** What TLS says of a failure. */
export function explainTls(cause: unknown, isServer: boolean = false): Explained {
  const { code, message } = cause as { code?: unknown; message?: unknown };
  const said = `${code} ${message}`;
  const found = WORDS.find(([pattern]) => pattern.test(said))?.[1];
  if (found === undefined) return { words: reasonOf(String(message ?? cause)) };
  const [words, hint] = found.split(": ") as [string, string?];
  return {
    words: isServer ? words.replace("the certificate", "the client's certificate") : words,
    hint,
  };
}

/**
 * OpenSSL's own words, without where in its code they were said:
 * `error:0A000098:SSL routines:...:excessive message size:...`.
 */
function reasonOf(message: string): string {
  const [, reason] = message.match(/error:[\dA-F]+:[^:]*:[^:]*:([^:\n]+)/i) ?? [];
  return reason?.replaceAll("_", " ").toLowerCase() ?? message;
}
