/**
 * UDP. A datagram is a frame already, so there is no chat here: a socket gives the datagrams that arrive, and where each
 * comes from, and sends others.
 *
 * ```ts
 * import { bindUdp } from "@asynchat/asynchat/udp";
 * import { assertEquals } from "@std/assert";
 *
 * await using server = await bindUdp();
 * await using client = await bindUdp();
 *
 * await client.send("ping", server.address);
 * for await (const { data, from } of server) {
 *   assertEquals(new TextDecoder().decode(data), "ping");
 *   await server.send("pong", from);
 *   break; // leaving the loop leaves the socket open
 * }
 * const answer = await client.receive({ timeout: 10_000 }); // datagrams may be lost: do not wait for ever
 * assertEquals(new TextDecoder().decode(answer!.data), "pong");
 * ```
 *
 * @module
 */
import type { Socket } from "node:dgram";
import { type AbortSignalLike, onAbort } from "../common/abort.ts";
import { copyOf, type Data, toBytes } from "../common/bytes.ts";
import * as checks from "../common/checks.ts";
import { Deadline } from "../common/deadline.ts";
import { Deferred, ignoreRejection } from "../common/deferred.ts";
import { Fifo } from "../common/fifo.ts";
import { formatEndpoint } from "../connection/address.ts";
import { builtin } from "../connection/builtin.ts";
import { toConnectionError } from "../connection/error_codes.ts";
import { ClosedError, ConnectionError, TimeoutError } from "../errors.ts";
import { checkHostAndPort } from "../net/endpoint.ts";

/** One end of a datagram's way. */
export interface UdpAddress {
  /** An IP address; to send to, also a host name. */
  readonly hostname: string;
  /** The port, 1 to 65535. */
  readonly port: number;
}

/** What has arrived. */
export interface Datagram {
  /** The payload, which is yours to keep. It may be empty. */
  readonly data: Uint8Array;
  /** Who has sent it, as the datagram says: a sender can write any address there. */
  readonly from: UdpAddress;
}

/** Where a socket receives, and how much it keeps. */
export interface UdpOptions {
  /**
   * The address to bind to. With `"127.0.0.1"`, the default, datagrams come from this machine, and go to it. To exchange
   * them with others, bind to `"0.0.0.0"`, to `"::"` for IPv6, or to one of this machine's addresses.
   */
  hostname?: string | undefined;
  /** The port, 0 to 65535. With 0, the default, the system chooses one: {@linkcode UdpSocket.address} has it. */
  port?: number | undefined;
  /**
   * How many bytes of datagrams may wait for you to receive them. What comes beyond that is dropped, and counted in
   * {@linkcode UdpSocket.dropped}. Each datagram counts as its payload and 128 bytes. Default: 1 MiB (1,048,576).
   */
  maxBufferedBytes?: number | undefined;
  /** Closes the socket when it is aborted. */
  signal?: AbortSignalLike | undefined;
}

/** How long {@linkcode UdpSocket.receive} waits. */
export interface ReceiveOptions {
  /** How long to wait for a datagram, in milliseconds, 0 to 2,147,483,647. Default: `Infinity`. */
  timeout?: number | undefined;
}

const BIND: checks.OptionNames<UdpOptions> = {
  hostname: 1,
  port: 1,
  maxBufferedBytes: 1,
  signal: 1,
};
const RECEIVE: checks.OptionNames<ReceiveOptions> = { timeout: 1 };

/** What it takes to keep a datagram, beside its payload: without it any number of empty ones would wait. Bytes. */
const OVERHEAD = 128;
/** What is left of 65,535 bytes behind the headers of IPv4 and UDP. */
const LONGEST = 65_507;

/**
 * Opens a UDP socket, with `node:dgram`, which Node, Deno and Bun have.
 *
 * @param options Where it receives, and how much it keeps. Without any, the system chooses a port of this machine.
 * @returns The socket.
 * @throws {ConnectionError} If that fails: `code` says how (`"in-use"`, `"unavailable"`, `"permission"`, ...).
 * @throws {TypeError | RangeError} If an option is unknown, or not what it should be.
 * @throws {UnsupportedError} If this runtime has no such sockets, or is too old.
 *
 * @example
 * ```ts
 * import { bindUdp } from "@asynchat/asynchat/udp";
 *
 * await using socket = await bindUdp({ hostname: "0.0.0.0", port: 0 });
 * // await socket.send(query, { hostname: "192.0.2.53", port: 53 });
 * ```
 */
export async function bindUdp(options: UdpOptions = {}): Promise<UdpSocket> {
  checks.checkOptions(options, BIND);
  const { hostname = "127.0.0.1", port = 0, maxBufferedBytes = 2 ** 20, signal } = options;
  const endpoint = checkHostAndPort(hostname, port, 0);
  checks.checkLimit("maxBufferedBytes", maxBufferedBytes);
  checks.checkSignal(signal);
  const { createSocket } = builtin("node:dgram");
  const socket = createSocket(endpoint.hostname.includes(":") ? "udp6" : "udp4");
  socket.unref(); // see ref()
  try {
    await new Promise<void>((resolve, reject) => {
      // It stays: later errors, of datagrams that came back, reject what is settled, which does nothing.
      socket.on("error", reject);
      socket.bind(port, endpoint.hostname, resolve);
    });
    return new UdpSocket(socket, maxBufferedBytes, signal);
  } catch (cause) {
    socket.close();
    throw toConnectionError(cause, `bind to ${formatEndpoint(endpoint)}`);
  }
}

export type { AbortSignalLike, UdpSocket };

/**
 * A UDP socket, which {@linkcode bindUdp} opens. Datagrams may be lost, come twice, or overtake each other: UDP promises
 * no more, and neither does this.
 *
 * What the network reports of a datagram that was sent, that nothing listens at that port, say, is ignored: the socket
 * has other peers. It keeps the process alive until it is closed, unless {@linkcode UdpSocket.unref} was called.
 */
class UdpSocket implements AsyncIterable<Datagram>, AsyncDisposable {
  /** Where the socket receives, with the port that the system chose if 0 was asked for. */
  readonly address: UdpAddress;
  /** Resolves when the socket is closed, and its port free again. It never rejects. */
  readonly closed: Promise<void>;
  /** How many datagrams were dropped because `maxBufferedBytes` waited already. (The system drops others, uncounted.) */
  dropped: number = 0;
  readonly #socket: Socket;
  readonly #datagrams: Fifo<Datagram> = new Fifo();
  /** How much more may wait. Bytes. */
  #room: number;
  readonly #receivers: Fifo<Deferred<Datagram | null>> = new Fifo();
  /** Sends under way: no runtime calls back when the socket is closed. */
  readonly #sends: Set<Deferred<NodeJS.ErrnoException | null>> = new Set();
  #isClosed = false;
  #alive: ReturnType<typeof setInterval> | undefined;

  /** Not for programs: see {@linkcode bindUdp}. */
  constructor(dgram: unknown, room: number, signal: AbortSignalLike | undefined) {
    const socket = this.#socket = dgram as Socket; // `unknown`: no type of a runtime is public
    this.#room = room;
    const { address, port } = socket.address();
    this.address = { hostname: address, port };
    this.closed = new Promise((resolve) => socket.on("close", resolve));
    socket.on("message", (data, from) => this.#put(data, from.address, from.port));
    this.ref();
    if (signal) this.closed.then(onAbort(signal, () => this.close()));
    if (signal?.aborted) this.close();
  }

  /**
   * The next datagram. Calls and loops are answered in the order in which they ask.
   * @param options How long to wait.
   * @returns The datagram; `null` when the socket is closed.
   * @throws {TimeoutError} (The promise rejects with these.) If none came in time. One that comes later goes to the next call.
   * @throws {TypeError | RangeError} If an option is unknown, or the time is none.
   */
  async receive(options: ReceiveOptions = {}): Promise<Datagram | null> {
    const { timeout = Infinity } = checks.checkOptions(options, RECEIVE);
    checks.checkTimeout("timeout", timeout);
    const datagram = this.#datagrams.shift();
    if (datagram !== undefined) this.#room += datagram.data.length + OVERHEAD;
    if (datagram !== undefined || this.#isClosed) return datagram ?? null;
    const receiver = new Deferred<Datagram | null>();
    this.#receivers.push(receiver);
    if (timeout === Infinity) return await receiver.promise;
    const deadline = new Deadline(timeout, () => {
      this.#receivers.removeAll((other) => other === receiver);
      receiver.reject(new TimeoutError(timeout));
    });
    return await receiver.promise.finally(() => deadline.clear());
  }

  /** The datagrams, until the socket is closed. Leaving the loop closes nothing, and loses nothing. */
  async *[Symbol.asyncIterator](): AsyncGenerator<Datagram, void, void> {
    for (let next; (next = await this.receive()) !== null;) yield next;
  }

  /**
   * Sends one datagram.
   * @param data The payload, at most 65,507 bytes: a string is sent as UTF-8. Do not change it before the promise has
   * resolved. Above some 1,400 bytes networks cut a datagram in pieces, and lose it as often as one of them.
   * @param to Where to: the `from` of a datagram, the `address` of a socket, or `{ hostname, port }`.
   * @returns Resolves when the system has taken it: nothing tells whether it arrives. Await it, so as to be no faster than
   * the system. A rejection that you do not await is never reported as unhandled.
   * @throws {ConnectionError} (The promise rejects with these.) If the system does not take it: because it is too long
   * (`"other"`), the host name has no address (`"not-found"`), or no way leads there (`"unreachable"`).
   * @throws {ClosedError} If the socket is closed.
   * @throws {TypeError | RangeError} If the data or the address is not what it should be.
   */
  send(data: Data, to: UdpAddress): Promise<void> {
    return ignoreRejection(this.#send(data, to));
  }

  async #send(data: Data, to: UdpAddress, attempt: number = 1): Promise<void> {
    const bytes = toBytes("data", data);
    const { hostname, port } = checkHostAndPort(to?.hostname, to?.port, 1);
    if (this.#isClosed) throw new ClosedError("cannot send: the socket is closed");
    // Node alone does not know by itself how a socket of IPv6 reaches an address of IPv4.
    const isMapped = this.address.hostname.includes(":") && /^[\d.]+$/.test(hostname);
    const sent = new Deferred<NodeJS.ErrnoException | null>();
    this.#sends.add(sent);
    this.#socket.send(bytes, port, isMapped ? `::ffff:${hostname}` : hostname, sent.resolve);
    const cause = await sent.promise;
    this.#sends.delete(sent);
    if (!cause) return;
    // On Bun a send may be told what became of an earlier one, perhaps to another peer, and not be made.
    const isOfEarlier = cause.code === "ECONNREFUSED" && attempt < 5;
    if (isOfEarlier || this.#isClosed) return await this.#send(bytes, to, attempt + 1);
    const tried = `send to ${formatEndpoint({ hostname, port })}`;
    const { code, message } = toConnectionError(cause, tried);
    const hint = `: a datagram has at most ${LONGEST} bytes, and this one ${bytes.length}`;
    throw new ConnectionError(code, message + (cause.code === "EMSGSIZE" ? hint : ""), { cause });
  }

  /**
   * Closes the socket: loops end, what waits to be received is dropped, and what waits to be sent is, too. Harmless when
   * repeated.
   * @returns Resolves when the port is free again.
   */
  close(): Promise<void> {
    if (this.#isClosed) return this.closed;
    this.#isClosed = true;
    this.unref();
    this.#datagrams.clear();
    for (const receiver of this.#receivers.clear()) receiver.resolve(null);
    for (const sent of this.#sends) sent.resolve(new Error("closed"));
    this.#socket.close();
    return this.closed;
  }

  /** Calls {@linkcode UdpSocket.close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Lets the socket keep the process alive again. */
  ref(): void {
    // By a timer: Deno's own unref() does nothing once a socket is bound, until another datagram comes.
    if (!this.#isClosed) this.#alive ??= setInterval(() => {}, 2 ** 31 - 1);
  }

  /** Lets the process end though the socket is open. */
  unref(): void {
    clearInterval(this.#alive);
    this.#alive = undefined;
  }

  #put(payload: Uint8Array, hostname: string, port: number): void {
    // A copy: Deno gives the beginning of 64 KiB, which would be kept as long as the payload is.
    const datagram = { data: copyOf(payload), from: { hostname, port } };
    const receiver = this.#receivers.shift();
    if (receiver !== undefined) return receiver.resolve(datagram);
    const size = payload.length + OVERHEAD;
    if (size > this.#room) return void this.dropped++;
    this.#room -= size;
    this.#datagrams.push(datagram);
  }
}
