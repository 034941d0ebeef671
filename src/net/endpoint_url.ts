// Where to connect to, or to listen, as a URL says it.

import { describe, typeName } from "../common/checks.ts";

/** What is used of a `URL`. */
export interface UrlLike {
  /** The whole of it, as text. */
  readonly href: string;
}

/** Where a URL leads to. */
export type Destination =
  | { readonly hostname: string; readonly port: number; readonly isTls?: true }
  | { readonly path: string };

/** Whether this is a URL, or the text of one; not whether it leads anywhere. */
export function isUrl(value: unknown): value is string | UrlLike {
  return typeof value === "string" || typeof (value as Partial<UrlLike> | null)?.href === "string";
}

/**
 * Reads the URL of something to connect to, or to listen on: `tcp://127.0.0.1:6000`, `tls://[::1]:6000`,
 * `unix:/run/app.sock`.
 * @throws {TypeError} If it is none, or has parts that mean nothing here; a password in it is not repeated.
 * @throws {RangeError} If the port is not one from `lowestPort` to 65535.
 */
export function readUrl(url: string | UrlLike, lowestPort: number): Destination {
  if (!isUrl(url)) throw new TypeError(`url must be a URL, not ${typeName(url)}`);
  const text = typeof url === "string" ? url : url.href;
  const parsed = parse(text, lowestPort);
  const { protocol, hostname, port, pathname, search, hash } = parsed;
  if (parsed.username || parsed.password) fail(text, "user and password have no place in it");
  if (search || hash) {
    fail(
      text,
      `${search ? "a query" : "a fragment"} has no place in it (write %3F for ?, %23 for #)`,
    );
  }
  if (protocol === "unix:") {
    if (hostname || !pathname.startsWith("/")) fail(text, "the path must begin with /");
    return { path: decode(text, pathname) };
  }
  if (!/^(tcp|tls):$/.test(protocol)) fail(text, `${protocol} is none of these`);
  if (!hostname) fail(text, "it has no host");
  if (!port) fail(text, "it has no port");
  if (pathname !== "" && pathname !== "/") fail(text, "a path has no place in it");
  const where = { hostname: decode(text, hostname), port: toPort(text, port, lowestPort) };
  return protocol === "tls:" ? { ...where, isTls: true } : where;
}

/** The parts of the URL. */
function parse(text: string, lowestPort: number): URL {
  try {
    return new URL(text);
  } catch {
    const [, port] = text.match(/:(\d+)(?:[/?#]|$)/) ?? [];
    if (port !== undefined) toPort(text, port, lowestPort);
    return fail(text, "it is no URL");
  }
}

function toPort(text: string, port: string, lowestPort: number): number {
  const number = Number(port);
  if (number >= lowestPort && number <= 65535) return number;
  throw new RangeError(
    `the port of url must be a whole number from ${lowestPort} to 65535, not ${port}: ${
      shown(text)
    }`,
  );
}

function decode(text: string, part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return fail(text, `${part} is no text in percent-encoding`);
  }
}

function fail(text: string, why: string): never {
  throw new TypeError(
    `url must be like tcp://127.0.0.1:6000, tls://example.com:6000 or unix:/run/app.sock, not ${
      shown(text)
    }: ${why}`,
  );
}

/** The URL in words for an error message, which may be logged: without its user and password. */
function shown(text: string): string {
  return describe(text.replace(/\/\/[^/?#]*@/, "//...@"));
}
