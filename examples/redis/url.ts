import { UserError } from "../command_line.ts";

/** Where a Redis server is, and as whom to talk to it. */
export interface RedisPlace {
  readonly hostname: string;
  readonly port: number;
  readonly isTls: boolean;
  readonly username: string | undefined;
  readonly password: string | undefined;
  /** The number of the database. */
  readonly database: number;
}

const DEFAULT_PORT = 6379;

/**
 * Reads `redis://user:password@host:port/database`, of which all but `redis://host` may be missing; `rediss:` is for TLS.
 * @throws {UserError} If it is none. A password in it is not repeated.
 */
export function parseRedisUrl(text: string): RedisPlace {
  const fail = (why: string): never => {
    const shown = JSON.stringify(text.replace(/\/\/[^/?#]*@/, "//...@"));
    throw new UserError(`expected redis://user:password@host:port/database, not ${shown}: ${why}`);
  };
  const url = URL.canParse(text) ? new URL(text) : fail("it is no URL");
  const { protocol, hostname, port, pathname, search, hash } = url;
  if (protocol !== "redis:" && protocol !== "rediss:") {
    fail(`${protocol} is neither redis: nor rediss:`);
  }
  if (hostname === "") fail("it has no host");
  if (port === "0") fail("the port is 1 to 65535");
  if (search !== "" || hash !== "") fail("neither a query nor a fragment has a place in it");
  const [, digits] = pathname.match(/^\/?(\d{0,9})$/) ?? fail("the database is a number");
  const decode = (part: string): string | undefined => {
    try {
      return part === "" ? undefined : decodeURIComponent(part);
    } catch {
      return fail("the user's name or password is no text in percent-encoding");
    }
  };
  return {
    hostname: decode(hostname)!,
    port: port === "" ? DEFAULT_PORT : Number(port),
    isTls: protocol === "rediss:",
    username: decode(url.username),
    password: decode(url.password),
    database: Number(digits),
  };
}
