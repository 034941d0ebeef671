// How TLS is put over a connection: by the connection itself, or by `node:tls`, which is loaded then.

import type { Connection } from "../connection/connection.ts";
import { transfer } from "../connection/transfer.ts";
import { checkRuntime } from "../connection/runtime_version.ts";
import type { StartTlsOptions } from "./options.ts";
import { type TlsSettings, toClientSettings, toServerSettings } from "./settings.ts";

/** A connection that puts TLS over itself in a way of its own. */
export interface TlsCapable extends Connection {
  /**
   * Puts TLS over the connection, of which nothing must be written or read any more: a read that is under way gives
   * nothing.
   * @returns The connection over it; `undefined` if it must be done in the way of all others.
   */
  startTls(settings: TlsSettings): Promise<Connection> | undefined;
}

/**
 * Puts TLS over a connection, which is closed if that fails.
 * @param underWay A read of the connection that is under way: what it brings is TLS already.
 * @param hasSettled Whether that read has settled: a connection cannot be given back what it gave.
 */
export async function secure(
  connection: Connection,
  settings: TlsSettings,
  underWay?: Promise<Uint8Array | null>,
  hasSettled: boolean = false,
): Promise<Connection> {
  const { startTls } = connection as Partial<TlsCapable>;
  const own = hasSettled ? undefined : startTls?.call(connection, settings);
  if (own !== undefined) return await own;
  const { tlsOver } = await import("./node_tls.ts");
  return await tlsOver(transfer(connection, underWay, false), settings);
}

/** The host names that connections were asked for. */
const names: WeakMap<Connection, string> = new WeakMap();

/** Keeps the host name that was connected to, which a certificate may have to be for later. */
export function rememberName(connection: Connection, name: string): void {
  names.set(connection, name);
}

/**
 * Checks the options of {@linkcode Chat.startTls}.
 * @throws {UnsupportedError} If the runtime is too old, which `connect()` has not looked at, if the connection came from
 * elsewhere.
 */
export function toSettingsFor(connection: Connection, options: StartTlsOptions): TlsSettings {
  checkRuntime();
  if (options?.isServer) return toServerSettings(options);
  return toClientSettings(options, names.get(connection));
}

/** `checkContext()` of `adapters/tls.ts`, which is loaded only if there is something to check. */
export async function checkCertificates(settings: TlsSettings): Promise<void> {
  if (settings.cert === undefined && settings.ca === undefined) return;
  const { checkContext } = await import("./node_tls.ts");
  checkContext(settings);
}
