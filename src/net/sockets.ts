// Which sockets there are: those of Node, Deno or Bun.

import { connectBun, listenBun } from "./bun.ts";
import { connectDeno, listenDeno } from "./deno.ts";
import { connectNode, listenNode } from "./node.ts";
import type { Connection, ConnectionListener } from "../connection/connection.ts";
import { UnsupportedError, withHint } from "../errors.ts";
import { checkRuntime } from "../connection/runtime_version.ts";
import type { AbortSignalLike } from "../common/abort.ts";
import type { Endpoint, ListenEndpoint } from "./endpoint.ts";

/** A runtime's own sockets. */
export interface Sockets {
  /** Opens a connection. `calledOff` is aborted when nothing needs it any more; it may come all the same. */
  connect(endpoint: Endpoint, calledOff?: AbortSignalLike): Promise<Connection>;
  listen(endpoint: ListenEndpoint): ConnectionListener | Promise<ConnectionListener>;
}

interface Runtimes {
  readonly Deno?: object;
  readonly Bun?: object;
  readonly process?: { readonly versions?: { readonly node?: string } };
}

/**
 * The sockets of the runtime that this runs on.
 * @throws {UnsupportedError} If it has none, or is too old.
 */
export function socketsFor(): Sockets {
  checkRuntime();
  const runtimes = globalThis as unknown as Runtimes;
  if (runtimes.Deno !== undefined) {
    return { connect: connectDeno, listen: listenDeno };
  }
  if (runtimes.Bun !== undefined) {
    return { connect: connectBun, listen: listenBun };
  }
  if (runtimes.process?.versions?.node !== undefined) {
    return { connect: connectNode, listen: listenNode };
  }
  throw withHint(
    new UnsupportedError("this runtime has no TCP sockets: they need Node, Deno or Bun"),
    "elsewhere, as in a browser, make a Chat over fromWebSocket(), or a Connection of your own",
  );
}
