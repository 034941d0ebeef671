import type { AbortSignalLike } from "./abort.ts";
import { describe } from "./checks.ts";
import type { Connection, ConnectionListener, ListenEndpoint, TcpEndpoint } from "./connection.ts";
import { UnsupportedError } from "./errors.ts";

/** A runtime's own sockets. */
export interface Sockets {
  /** Connects; `attempt` is aborted when nobody wants the connection any more, and it may come all the same. */
  connect(endpoint: TcpEndpoint, attempt?: AbortSignalLike): Promise<Connection>;
  listen(endpoint: ListenEndpoint): Promise<ConnectionListener>;
}

interface Runtimes {
  readonly Deno?: object;
  readonly Bun?: object;
  readonly process?: { readonly versions?: { readonly node?: string } };
}

/**
 * Loads the sockets of the runtime that this runs on, and no other's.
 * @throws {UnsupportedError} If it has none.
 */
export async function loadSockets(): Promise<Sockets> {
  const runtimes = globalThis as unknown as Runtimes;
  if (runtimes.Deno !== undefined) {
    const { connectDeno, listenDeno } = await import("./adapters/deno.ts");
    return { connect: connectDeno, listen: listenDeno };
  }
  if (runtimes.Bun !== undefined) {
    const { connectBun, listenBun } = await import("./adapters/bun.ts");
    return { connect: connectBun, listen: listenBun };
  }
  if (runtimes.process?.versions?.node !== undefined) {
    const { connectNode, listenNode } = await import("./adapters/node.ts");
    return { connect: connectNode, listen: listenNode };
  }
  throw new UnsupportedError(
    "this runtime has no TCP sockets: connect() and listen() need Node, Deno or Bun; " +
      "elsewhere, as in a browser, make a Chat over fromWebSocket(), or a Connection of your own",
  );
}

/**
 * Checks a host name and a port.
 * @throws {TypeError} If the host name is no string, or empty.
 * @throws {RangeError} If the port is not a whole number from `lowestPort` to 65535.
 */
export function checkEndpoint(
  { hostname = "127.0.0.1", port }: { hostname?: string | undefined; port: number },
  lowestPort: number,
): TcpEndpoint {
  if (typeof hostname !== "string" || hostname === "") {
    throw new TypeError(
      `hostname must be a host name or an IP address, not ${describe(hostname)}`,
    );
  }
  if (!Number.isInteger(port) || port < lowestPort || port > 65535) {
    throw new RangeError(
      `port must be a whole number from ${lowestPort} to 65535, not ${describe(port)}`,
    );
  }
  // An IPv6 address may come in the brackets that it wears in a URL.
  return { hostname: hostname.replace(/^\[(.*)\]$/, "$1"), port };
}
