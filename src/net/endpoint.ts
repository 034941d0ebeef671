// Where to connect to, or to listen: a host name and a port, or a path.

import { checkNumber, describe } from "../common/checks.ts";
import { readUrl, type UrlLike } from "./endpoint_url.ts";
import type { TcpOptions } from "./tcp_options.ts";

/** What one connects to, or listens on: a host name and a port, or the path of a Unix socket. */
export interface Endpoint {
  /** A host name or an IP address. */
  readonly hostname: string;
  /** The port, 0 to 65535. */
  readonly port: number;
  /** The path of a Unix socket: what else is here means nothing then. */
  readonly path?: string;
  /** Whether it is to be spoken to by TLS, as a URL may say. */
  readonly isTls?: boolean;
  /** How the system is to treat the connection, or those that are accepted. */
  readonly tcp?: TcpOptions;
}

/** Where to listen, and how. */
export interface ListenEndpoint extends Endpoint {
  /** Whether other listeners may have the same port. Default: `false`. */
  readonly reusePort?: boolean;
}

/** What is asked for: a port and perhaps a host name, or a path, or a URL. */
export interface EndpointOptions {
  readonly transport?: "tcp" | "unix" | undefined;
  readonly url?: string | UrlLike | undefined;
  readonly hostname?: string | undefined;
  readonly port?: number | undefined;
  readonly path?: string | undefined;
}

/**
 * Checks a host name and a port, or a path, or a URL.
 * @throws {TypeError} If there is none of them, or several, or if one of them is of a wrong type, or empty.
 * @throws {RangeError} If the port is not a whole number from `lowestPort` to 65535, or the path too long.
 */
export function checkEndpoint(options: EndpointOptions, lowestPort: number): Endpoint {
  const { url, hostname = "127.0.0.1", port, path, transport } = options;
  // It would connect to this machine, where something else was meant.
  if ("host" in options) throw new TypeError("there is no option host: use hostname");
  if (transport !== undefined && !TRANSPORTS.includes(transport)) {
    throw new TypeError(`transport must be "tcp" or "unix", not ${describe(transport)}`);
  }
  if (url !== undefined) {
    const beside = options.hostname ?? port ?? path ?? transport;
    if (beside === undefined) {
      const { isTls = false, ...destination } = readUrl(url, lowestPort) as Partial<Endpoint>;
      return { ...checkEndpoint(destination, lowestPort), isTls };
    }
    throw new TypeError(`expected a url, or a port or a path, not both: ${describe(beside)}`);
  }
  if (path === undefined && transport !== "unix") {
    if (port === undefined) {
      throw new TypeError("expected a port, the path of a Unix socket, or a url");
    }
    return checkHostAndPort(hostname, port, lowestPort);
  }
  // The Address of a Unix socket has an empty host name, and 0 for a port.
  const isMixed = port || options.hostname || transport !== undefined && transport !== "unix";
  if (path === undefined || isMixed) {
    throw new TypeError(
      `expected a path, or a port with or without a hostname, not both: ${describe(path)}`,
    );
  }
  return checkPath(path);
}

const TRANSPORTS: readonly unknown[] = ["tcp", "unix"];

/** The most that every system takes (Linux takes 107 bytes); Node cuts off what is longer. */
const LONGEST_PATH = 103;

function checkPath(path: string): Endpoint {
  if (typeof path !== "string" || path === "" || /\0|\/$/.test(path)) {
    throw new TypeError(`path must be that of a Unix socket, not ${describe(path)}`);
  }
  const length = new TextEncoder().encode(path).length;
  if (length > LONGEST_PATH) {
    throw new RangeError(
      `path must be at most ${LONGEST_PATH} bytes long, not ${length}: ${describe(path)}`,
    );
  }
  return { hostname: "", port: 0, path };
}

/** As long as a name can be in the DNS (RFC 1035, section 2.3.4). */
const LONGEST_NAME = 253;
const NAME = /^(?!\.+$)[^\s\p{Cc}:/\\*?#@[\]]+$/u;
const IPV6 = /^[\da-f]*:[\da-f]*:[\da-f:.]*(%[\w.-]+)?$/i;

/** Whether it can be one: what the runtimes make of other texts, such as `"*"`, is different on each of them. */
function isHostname(text: unknown): text is string {
  return typeof text === "string" && text.length <= LONGEST_NAME &&
    (NAME.test(text) || IPV6.test(text));
}

/**
 * Checks a host name and a port.
 * @throws {TypeError} If one is of a wrong type, or the host name none.
 * @throws {RangeError} If the port is not a whole number from `lowestPort` to 65535.
 */
export function checkHostAndPort(hostname: string, port: number, lowestPort: number): Endpoint {
  // An IPv6 address may come in the brackets that it wears in a URL.
  const name = typeof hostname === "string" ? hostname.replace(/^\[(.*:.*)\]$/, "$1") : hostname;
  if (!isHostname(name)) {
    throw new TypeError(
      `hostname must be a host name or an IP address, not ${describe(hostname)}`,
    );
  }
  checkNumber("port", port);
  if (!Number.isInteger(port) || port < lowestPort || port > 65535) {
    throw new RangeError(
      `port must be a whole number from ${lowestPort} to 65535, not ${describe(port)}`,
    );
  }
  return { hostname: name, port };
}
