/** What runtimes report of TLS, in the words of this library. */
import { test } from "node:test";
import { assertStrictEquals } from "@std/assert";
import { explainTls, isTlsError } from "../../src/connection/tls_words.ts";

const NO_TLS =
  "the peer sent something that is not TLS: it speaks none there, or both sides have not agreed to begin yet";
const UNKNOWN_ISSUER =
  "no authority that is trusted here has signed the certificate: give the authority's certificate as tls.ca";
const MISSING =
  "the server asks for a certificate, and the client has none: the client must give tls.cert and tls.key";
const REFUSED = "the peer refuses the certificate of this side";

/** As Node 20 and 22, Deno and Bun report them. */
const SAID: readonly (readonly [code: string, message: string, words: string])[] = [
  ["ERR_SSL_PACKET_LENGTH_TOO_LONG", "error:0A0000C6:SSL routines::packet length too long", NO_TLS],
  ["ERR_SSL_DATA_LENGTH_TOO_LONG", "error:0A000092:SSL routines::data length too long", NO_TLS],
  ["ERR_SSL_WRONG_VERSION_NUMBER", "error:0A00010B:SSL routines::wrong version number", NO_TLS],
  ["EPROTO", "error:100000f7:SSL routines:OPENSSL_internal:WRONG_VERSION_NUMBER", NO_TLS],
  ["UNABLE_TO_VERIFY_LEAF_SIGNATURE", "unable to verify the first certificate", UNKNOWN_ISSUER],
  ["SELF_SIGNED_CERT_IN_CHAIN", "self-signed certificate in certificate chain", UNKNOWN_ISSUER],
  [
    "DEPTH_ZERO_SELF_SIGNED_CERT",
    "self-signed certificate",
    "the certificate is self-signed, and not trusted here: to trust it, give it as tls.ca",
  ],
  [
    "CERT_HAS_EXPIRED",
    "certificate has expired",
    "the certificate has expired: the peer must renew it (or the clock is wrong here)",
  ],
  [
    "ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED",
    "received fatal alert: CertificateRequired",
    MISSING,
  ],
  [
    "EPROTO",
    "error:1000045c:SSL routines:OPENSSL_internal:TLSV1_ALERT_CERTIFICATE_REQUIRED",
    MISSING,
  ],
  ["ERR_SSL_PEER_DID_NOT_RETURN_A_CERTIFICATE", "peer sent no certificates", MISSING],
  [
    "ERR_SSL_TLSV1_ALERT_UNKNOWN_CA",
    "error:0A000418:SSL routines::tlsv1 alert unknown ca",
    REFUSED,
  ],
  ["EPROTO", "error:10000418:SSL routines:OPENSSL_internal:TLSV1_ALERT_UNKNOWN_CA", REFUSED],
  [
    "ERR_SSL_SSLV3_ALERT_CERTIFICATE_EXPIRED",
    "error:0A000415:SSL routines::ssl/tls alert certificate expired",
    REFUSED,
  ],
  // Anything else in OpenSSL's own words, without where in its code they were said.
  [
    "ERR_SSL_EXCESSIVE_MESSAGE_SIZE",
    "80CB:error:0A000098:SSL routines:tls_get_message:excessive message size:../deps/a.c:1:",
    "excessive message size",
  ],
];

/** The words, and the hint behind a colon. */
function explained(cause: unknown, isServer?: boolean): string {
  const { words, hint } = explainTls(cause, isServer);
  return hint === undefined ? words : `${words}: ${hint}`;
}

test("what TLS reports is said in the same words on every runtime", () => {
  for (const [code, message, words] of SAID) {
    assertStrictEquals(explained(Object.assign(new Error(message), { code })), words);
  }
});

test("a server says that it is the client's certificate", () => {
  const error = Object.assign(new Error("certificate has expired"), { code: "CERT_HAS_EXPIRED" });
  assertStrictEquals(explained(error, true).includes("the client's certificate"), true);
});

test("only what TLS reports is an error of TLS", () => {
  const has = (code: string): boolean => isTlsError({ code });
  assertStrictEquals(has("ERR_SSL_X") && has("EPROTO") && has("ERR_TLS_X"), true);
  assertStrictEquals(has("ECONNRESET") || isTlsError(new Error("x")), false);
});
