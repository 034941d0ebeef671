// Which sockets there are: those of Node, Deno or Bun.

import { connectBun, listenBun } from "./bun.ts";
import { connectDeno, listenDeno, mayUseNet } from "./deno.ts";
import { connectNode, listenNode } from "./node.ts";
import { connectUdp, listenUdp } from "../udp/udp.ts";
import type { ConnectionListener, Transport } from "../connection/connection.ts";
import { UnsupportedError, withHint } from "../errors.ts";
import { checkRuntime } from "../connection/runtime_version.ts";
import type { ListenEndpoint } from "./endpoint.ts";
import { connectByName, type Dial, type Resolver, SYSTEM } from "./every_address.ts";

/** A runtime's own sockets. */
export interface Sockets {
  readonly connect: Dial;
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
export function socketsFor(transport?: Transport): Sockets {
  checkRuntime();
  const runtimes = globalThis as unknown as Runtimes;
  if (transport === "udp") {
    if (runtimes.process?.versions?.node !== undefined) {
      return { connect: connectUdp, listen: listenUdp };
    }
    throw new UnsupportedError("this runtime has no UDP sockets: they need Node, Deno or Bun");
  }
  if (runtimes.Deno !== undefined) {
    return {
      connect: byName(connectDeno, { ...SYSTEM, mayUse: mayUseNet }),
      listen: listenDeno,
    };
  }
  if (runtimes.Bun !== undefined) {
    return { connect: byName(connectBun), listen: listenBun };
  }
  if (runtimes.process?.versions?.node !== undefined) {
    return { connect: byName(connectNode), listen: listenNode };
  }
  throw withHint(
    new UnsupportedError("this runtime has no TCP sockets: they need Node, Deno or Bun"),
    "elsewhere, as in a browser, make a Chat over fromWebSocket(), or a Connection of your own",
  );
}

function byName(dial: Dial, resolver: Resolver = SYSTEM): Dial {
  return (endpoint, calledOff) => connectByName(dial, endpoint, calledOff, resolver);
}
