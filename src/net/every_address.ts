// Connecting to a host name that has several addresses.

import { builtin } from "../connection/builtin.ts";
import { toConnectionError } from "../connection/error_codes.ts";
import { type AbortSignalLike, onAbort } from "../common/abort.ts";
import { Deferred } from "../common/deferred.ts";
import type { Connection } from "../connection/connection.ts";
import { formatEndpoint } from "../connection/address.ts";
import { ConnectionError, type ConnectionErrorCode, withHint } from "../errors.ts";
import type { Endpoint } from "./endpoint.ts";

/** Opens a connection. `calledOff` is aborted when nobody wants it any more; it may come all the same. */
export type Dial = (endpoint: Endpoint, calledOff?: AbortSignalLike) => Promise<Connection>;

/** How the addresses of a name are found, and whether they may be used. */
export interface Resolver {
  /** The IP addresses of a name, the system's favourite first. */
  readonly lookUp: (hostname: string) => Promise<readonly string[]>;
  /** Whether the program may look a name up, or connect to a port of an address. */
  readonly mayUse: (hostname: string, port?: number) => boolean;
}

/** The resolver of the system, for runtimes that let every program use the network. */
export const SYSTEM: Resolver = { lookUp, mayUse: () => true };

/** How long an attempt has before the next one begins beside it. Milliseconds; RFC 8305, section 5, recommends this. */
const HEAD_START = 250;

/** What the system says at once of an IP version that the machine does not have: the other addresses' errors tell more. */
const NO_NEWS: ReadonlySet<ConnectionErrorCode> = new Set(["unreachable", "unavailable"]);

/** An IP address, of either version; or numbers that the system takes for one. */
const ADDRESS = /^[\d.]+$|:/;

/**
 * Connects to whichever address of a name answers first ("Happy Eyeballs", RFC 8305): one after the other, the two IP
 * versions in turn, each as soon as the one before has failed, or has had its head start.
 *
 * Node, Deno and Bun do so themselves when they are given a name, each in its own way: Node 20 gives an attempt up when
 * its head start is over, so that a far host is not reached; Deno and Bun tell of one error for all addresses. So it is
 * done here. Where the program may not use the addresses (with Deno, and `--allow-net=example.com`), it is left to the
 * runtime.
 *
 * @throws {ConnectionError} If the name has no address, or every address failed: where there are several, the `cause`
 * is an `AggregateError` with the `ConnectionError` of each.
 */
export async function connectByName(
  dial: Dial,
  endpoint: Endpoint,
  calledOff: AbortSignalLike | undefined,
  { lookUp, mayUse }: Resolver,
): Promise<Connection> {
  const { hostname, port, path } = endpoint;
  if (path !== undefined || ADDRESS.test(hostname) || !mayUse(hostname)) {
    return await dial(endpoint, calledOff);
  }
  const addresses = await lookUp(hostname).catch((cause: unknown) => {
    throw toConnectionError(cause, `connect to ${formatEndpoint(endpoint)}`);
  });
  if (calledOff?.aborted) throw calledOff.reason;
  if (!addresses.every((address) => mayUse(address, port))) return await dial(endpoint, calledOff);
  const endpoints = inTurn(addresses).map((address) => ({
    ...endpoint,
    hostname: address,
    name: hostname,
  }));
  return await connectToFirst(dial, endpoints, calledOff);
}

async function connectToFirst(
  dial: Dial,
  endpoints: readonly Endpoint[],
  calledOff: AbortSignalLike | undefined,
): Promise<Connection> {
  const first = new Deferred<Connection>();
  const errors: unknown[] = [];
  const controllers: AbortController[] = [];
  let failed = 0;
  let winner: Connection | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const tryNext = (): void => {
    clearTimeout(timer);
    const index = controllers.length;
    const endpoint = endpoints[index];
    if (endpoint === undefined) return;
    const controller = new AbortController();
    controllers.push(controller);
    dial(endpoint, controller.signal).then((connection) => {
      // Some runtimes cannot call an attempt off.
      if (winner !== undefined || calledOff?.aborted) return connection.close();
      winner = connection;
      // Not the winner's own: a signal may go on to end the connection that it was given for.
      controllers.splice(index, 1);
      first.resolve(connection);
    }, (error: unknown) => {
      errors[index] = error;
      if (++failed === endpoints.length) first.reject(toOneError(endpoints, errors));
      else if (winner === undefined && !calledOff?.aborted) tryNext();
    });
    if (index + 1 < endpoints.length) timer = setTimeout(tryNext, HEAD_START);
  };

  const forget = calledOff && onAbort(calledOff, () => first.reject(calledOff.reason));
  tryNext();
  try {
    return await first.promise;
  } finally {
    clearTimeout(timer);
    forget?.();
    for (const controller of controllers) controller.abort();
  }
}

/** One address's error is the error; of several, the most telling speaks, and names the others. */
function toOneError(endpoints: readonly Endpoint[], errors: readonly unknown[]): unknown {
  const other = errors.find((error) => !(error instanceof ConnectionError));
  if (errors.length === 1 || other !== undefined) return other ?? errors[0];
  const failures = errors as readonly ConnectionError[];
  const speaker = failures.find(({ code }) => !NO_NEWS.has(code)) ?? failures[0]!;
  const others = failures.flatMap((failure, i) =>
    failure === speaker ? [] : [`${endpoints[i]!.hostname} ("${failure.code}")`]
  );
  const message = `${speaker.message}; nor to ${others.join(", ")}`;
  const cause = new AggregateError(failures, "every address failed");
  return withHint(new ConnectionError(speaker.code, message, { cause }), speaker.hint);
}

/** The addresses, one IP version after the other as long as there are both, beginning with the system's favourite. */
function inTurn(addresses: readonly string[]): string[] {
  const isLikeFirst = (address: string): boolean =>
    address.includes(":") === addresses[0]!.includes(":");
  const favourites = addresses.filter(isLikeFirst);
  const others = addresses.filter((address) => !isLikeFirst(address));
  const longest = Math.max(favourites.length, others.length);
  return Array.from({ length: longest }, (_, i) => [favourites[i], others[i]]).flat()
    .filter((address) => address !== undefined);
}

async function lookUp(hostname: string): Promise<string[]> {
  const { lookup } = builtin("node:dns/promises");
  const found = await lookup(hostname, { all: true });
  return found.map(({ address }) => address);
}
