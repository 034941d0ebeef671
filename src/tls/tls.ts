// tls(): TLS, as what wraps a connection.

import type { SecureContext } from "node:tls";
import { checkBoolean, checkOptions, type OptionNames } from "../common/checks.ts";
import type { Connection } from "../connection/connection.ts";
import { checkRuntime } from "../connection/runtime_version.ts";
import type { NativeConnection } from "../connection/native.ts";
import type { Wrap } from "../connection/wrap.ts";
import { UnsupportedError } from "../errors.ts";
import { ClientConnection } from "./client_connection.ts";
import { startOnBun } from "./bun.ts";
import { checkContext, tlsOver } from "./node_tls.ts";
import type { TlsClientOptions, TlsServerOptions } from "./options.ts";
import { type Side, type TlsSettings, toSettings } from "./settings.ts";

type Options = TlsClientOptions | TlsServerOptions;

/**
 * TLS, for the option `wrap` and for `chat.upgrade()`. The option `tls` of `connect()`, `listen()` and `serve()` is a
 * short way to say it.
 *
 * - `connect({ port, terminator, wrap: tls({ ca }) })` speaks TLS as a client, and checks that the server's certificate is
 *   for the host name that `connect()` was given.
 * - `listen({ port, terminator, wrap: tls({ cert, key }) })` speaks it as a server.
 * - `chat.upgrade(tls({ ca }))` begins it in the middle of a conversation (STARTTLS).
 *
 * To replace certificates while a server runs, give a function: it is asked for the options of each new connection. As
 * long as it returns the same object, nothing is read or checked again.
 *
 * @param options Certificates, names and limits, or a function that returns them.
 * @param to Which side this is, and the name of the server. By default the connection says it: what `connect()` opened is
 * a client's, and what a listener accepted is a server's. A chat that you made yourself is a client's, and has no name:
 * `tls({ servername, ca })`, and on the server's side `tls({ cert, key }, { isServer: true })`.
 * @returns The wrap. Its promise rejects with a `ConnectionError` of the code `"tls"` or `"timeout"` if the handshake fails,
 * and the connection is closed then. It throws a `TypeError` if the options do not fit the side, and an
 * `UnsupportedError` if the connection speaks TLS already: the connection stays as it was.
 * @throws {TypeError | RangeError} If an option is not what it should be, or certificates and keys do not belong
 * together.
 * @throws {UnsupportedError} If the runtime has no `node:tls`, or is too old.
 *
 * @example
 * ```ts
 * import { Chat, fromNode } from "@asynchat/asynchat";
 * import { tls } from "@asynchat/asynchat/tls";
 * import { createServer } from "node:net";
 *
 * const lines = { terminator: "\n", encoding: "utf-8" } as const;
 *
 * // The sockets of Node, a certificate that is read anew for each connection, and no connect() or listen().
 * function serve(load: () => { cert: string; key: string }): void {
 *   const secure = tls(() => load(), { isServer: true });
 *   createServer({ allowHalfOpen: true }, async (socket) => {
 *     await using chat = new Chat(fromNode(socket), lines);
 *     await chat.upgrade(secure);
 *     for await (const line of chat) await chat.send(line);
 *   }).listen(6000);
 * }
 * ```
 */
export function tls(
  options:
    | TlsClientOptions
    | TlsServerOptions
    | (() => TlsClientOptions | TlsServerOptions) = {},
  to: { hostname?: string | undefined; isServer?: boolean | undefined } = {},
): Wrap {
  checkRuntime();
  const { hostname, isServer } = checkOptions(to, TO, "to");
  if (isServer !== undefined) checkBoolean("to.isServer", isServer);
  const ask = typeof options === "function" ? options : (): Options => options;
  let latest: Asked | undefined;
  const settingsFor = (target: Side): Asked => {
    const side = { hostname: hostname ?? target.hostname, isServer: isServer ?? target.isServer };
    const asked = { options: ask(), ...side };
    const same = latest?.options === asked.options ? latest : undefined;
    const isSameSide = same?.hostname === side.hostname && same?.isServer === side.isServer;
    if (same !== undefined && isSameSide) return same;
    const settings = toSettings(asked.options, side);
    const context = same === undefined ? checkContext(settings) : same.context;
    return latest = { ...asked, settings, context };
  };
  settingsFor({});
  return (connection, target) => {
    const { settings, context } = settingsFor(target);
    if (connection.tls !== undefined) {
      throw new UnsupportedError("the connection speaks TLS already");
    }
    return secure(connection, settings, context);
  };
}

const TO: OptionNames<Side> = { hostname: 1, isServer: 1 };

/** What was asked for last, and what became of it. */
interface Asked extends Side {
  readonly options: Options;
  readonly settings: TlsSettings;
  readonly context: SecureContext | undefined;
}

/** Puts TLS over a connection, which is closed if that fails. */
async function secure(
  connection: Connection,
  settings: TlsSettings,
  context: SecureContext | undefined,
): Promise<Connection> {
  const own = (connection as Partial<NativeConnection>).startTls?.(startOnBun(settings));
  const secured = await (own ?? tlsOver(connection, settings, context));
  const hasCertificate = settings.cert !== undefined;
  if (settings.isServer || (own !== undefined && !hasCertificate)) return secured;
  return new ClientConnection(secured, hasCertificate);
}
