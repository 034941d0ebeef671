/** Where a server is, and who one is there. */
export interface ServerAddress {
  readonly hostname: string;
  readonly port: number;
  readonly isTls: boolean;
  readonly user?: string;
  readonly password?: string;
  readonly token?: string;
}

const DEFAULT_PORT = 4222;

/**
 * Reads the URL of a server: `nats://127.0.0.1:4222`, `tls://ada:secret@example.com`, `nats://token@example.com`.
 * @throws {TypeError} If it is none; a password in it is not repeated.
 */
export function readServerUrl(text: string): ServerAddress {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !/^(nats|tls):$/.test(url.protocol) || url.hostname === "") fail(text);
  if (!/^\/?$/.test(url.pathname) || url.search !== "" || url.hash !== "") fail(text);
  const { hostname, port } = url;
  const [name, password] = [url.username, url.password].map((part) => decode(text, part));
  return {
    hostname: decode(text, hostname).replace(/^\[(.*)\]$/, "$1"),
    port: port === "" ? DEFAULT_PORT : Number(port),
    isTls: url.protocol === "tls:",
    ...password ? { user: name!, password } : name ? { token: name } : {},
  };
}

function decode(text: string, part: string): string {
  try {
    return decodeURIComponent(part);
  } catch {
    return fail(text);
  }
}

function fail(text: string): never {
  const shown = JSON.stringify(text.replace(/\/\/[^/?#]*@/, "//...@"));
  throw new TypeError(
    `a server must be like nats://127.0.0.1:4222, nats://user:password@host or tls://host, not ${shown}`,
  );
}
