// UDP, by `node:dgram`, which Node, Deno and Bun have.

import type { RemoteInfo, Socket } from "node:dgram";
import type { AbortSignalLike } from "../common/abort.ts";
import { Deadline } from "../common/deadline.ts";
import { Deferred } from "../common/deferred.ts";
import type { Address, Connection, ConnectionListener } from "../connection/connection.ts";
import { formatEndpoint } from "../connection/address.ts";
import { connectionClosed } from "../connection/closing.ts";
import { DatagramSplitter, markDatagram } from "../framings/datagrams.ts";
import type { Endpoint, ListenEndpoint } from "../net/endpoint.ts";
import { AcceptQueue } from "../net/accept_queue.ts";
import { builtin } from "../connection/builtin.ts";
import { Inbox } from "../connection/inbox.ts";
import { toConnectionError } from "../connection/error_codes.ts";

/** How much of one peer waits to be read; what comes then is dropped, as the system does. Bytes. */
const CAPACITY = 64 * 1024;

/** How many senders a listener tells apart at a time; others are not heard. */
const MOST_SENDERS = 1_024;

/** How long a sender may be silent before its chat ends. Milliseconds. */
const IDLE_TIMEOUT = 60_000;

/** Exchanges datagrams with one peer, with `node:dgram`, which Node, Deno and Bun have. */
export async function connectUdp(
  endpoint: Endpoint,
  calledOff?: AbortSignalLike,
): Promise<Connection> {
  const what = `connect to ${formatEndpoint(endpoint)}`;
  const { socket, address } = await openSocket(endpoint, what);
  if (calledOff?.aborted) {
    socket.close();
    throw calledOff.reason;
  }
  const connected = new Deferred();
  const refuse = (cause: Error): void => connected.reject(toConnectionError(cause, what));
  socket.once("error", refuse);
  try {
    // Its declaration does not say so, but it may be called with an error.
    const onConnect = (cause?: Error | null): void => cause ? refuse(cause) : connected.resolve();
    socket.connect(endpoint.port, address, onConnect);
    await connected.promise;
  } catch (cause) {
    socket.close();
    throw toConnectionError(cause, what);
  }
  const peer = socket.remoteAddress();
  const connection = new UdpConnection({
    localAddress: toUdpAddress(socket.address()),
    remoteAddress: toUdpAddress(peer),
    send: (datagram, done) => socket.send(datagram, done),
    release: (done) => socket.close(done),
    own: socket,
  });
  // Deno lets others through.
  const isPeer = (from: RemoteInfo): boolean => keyOf(from) === keyOf(peer);
  socket.on("message", (datagram, from) => isPeer(from) && connection.receive(datagram));
  socket.on("error", (cause) => connection.fail(cause));
  socket.off("error", refuse);
  return connection;
}

/** Listens on a UDP port with `node:dgram`, and tells senders apart by their addresses. */
export async function listenUdp(endpoint: ListenEndpoint): Promise<ConnectionListener> {
  const what = `listen on ${formatEndpoint(endpoint)}`;
  const { socket, address } = await openSocket(endpoint, what);
  const listening = new Deferred();
  const refuse = (cause: Error): void => listening.reject(toConnectionError(cause, what));
  socket.once("error", refuse);
  try {
    socket.bind(endpoint.port, address, listening.resolve);
    await listening.promise;
  } catch (cause) {
    socket.close();
    throw cause;
  }
  const listener = new UdpListener(socket, endpoint.idleTimeout ?? IDLE_TIMEOUT);
  socket.off("error", refuse);
  return listener;
}

/** All connections have one socket, which is closed with the last of them. */
class UdpListener implements ConnectionListener {
  readonly address: Address;
  readonly #socket: Socket;
  readonly #idleTimeout: number;
  readonly #queue = new AcceptQueue();
  readonly #closed = new Deferred();
  /** Those who are heard, by their addresses. */
  readonly #senders: Map<string, UdpConnection> = new Map();
  /** How many need the socket: the listener, and every connection, those of senders that are not heard any more included. */
  #users = 1;
  #isClosed = false;

  constructor(socket: Socket, idleTimeout: number) {
    this.#socket = socket;
    this.#idleTimeout = idleTimeout;
    this.address = toUdpAddress(socket.address());
    const what = `accept on ${formatEndpoint(this.address)}`;
    socket.on("error", (cause) => this.#queue.fail(toConnectionError(cause, what)));
    socket.on("message", (datagram, from) => this.#onDatagram(datagram, from));
  }

  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  accept(): Promise<Connection | null> {
    return this.#queue.accept();
  }

  close(): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#queue.close();
    this.#release(this.#closed.resolve);
  }

  #onDatagram(datagram: Uint8Array, from: RemoteInfo): void {
    const known = this.#senders.get(keyOf(from));
    if (known !== undefined) return known.receive(datagram);
    if (this.#isClosed || this.#senders.size >= MOST_SENDERS) return;
    const connection = this.#makeConnection(from);
    connection.receive(datagram);
    this.#queue.put(connection);
  }

  #makeConnection(from: RemoteInfo): UdpConnection {
    const { address, port } = from;
    const forget = (): void => {
      // The sender may be somebody new by now.
      if (this.#senders.get(keyOf(from)) === connection) this.#senders.delete(keyOf(from));
    };
    const connection = new UdpConnection({
      localAddress: this.address,
      remoteAddress: toUdpAddress(from),
      send: (datagram, done) => this.#socket.send(datagram, port, address, done),
      release: (done) => {
        forget();
        this.#release(done);
      },
      idle: { timeout: this.#idleTimeout, onIdle: forget },
    });
    this.#senders.set(keyOf(from), connection);
    this.#users++;
    return connection;
  }

  /** Tells when the socket is closed, or at once if others need it. */
  #release(done: () => void): void {
    if (--this.#users === 0) this.#socket.close(done);
    else done();
  }
}

/** What a connection over UDP is made of. */
interface UdpParts {
  readonly localAddress: Address;
  readonly remoteAddress: Address;
  readonly send: (datagram: Uint8Array, done: (error: Error | null) => void) => void;
  /** Gives back what the connection holds, and calls back when that is done. It is called once. */
  readonly release: (done: () => void) => void;
  /** The socket, where no other connection has it. */
  readonly own?: Socket;
  /** When the peer is taken to have ended, if ever, and what then. */
  readonly idle?: { readonly timeout: number; readonly onIdle: () => void };
}

/**
 * The datagrams of one peer, as `src/framings/datagrams.ts` says. It is no stream of bytes: what is lost is lost,
 * nothing says that the peer has ended, and there is no direction that could end alone, so that `closeWrite()` ends
 * both.
 */
class UdpConnection implements Connection {
  readonly localAddress: Address;
  readonly remoteAddress: Address;

  readonly #parts: UdpParts;
  readonly #inbox = new Inbox();
  readonly #splitter = new DatagramSplitter();
  readonly #closed = new Deferred();
  #isReleased = false;
  #failure: Error | undefined;
  #deadline: Deadline | undefined;

  constructor(parts: UdpParts) {
    this.#parts = parts;
    this.localAddress = parts.localAddress;
    this.remoteAddress = parts.remoteAddress;
  }

  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  read(): Promise<Uint8Array | null> {
    return this.#inbox.read();
  }

  async write(data: Uint8Array): Promise<void> {
    try {
      for (const datagram of this.#splitter.split(data)) {
        if (this.#failure !== undefined) throw this.#failure;
        await this.#send(datagram);
      }
    } catch (error) {
      this.#break(error as Error);
      throw error;
    }
  }

  closeWrite(): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure);
    this.#failure = connectionClosed();
    this.#inbox.end();
    this.#release();
    return Promise.resolve();
  }

  close(reason?: unknown): void {
    this.#failure = connectionClosed(reason);
    this.#inbox.shut(this.#failure);
    this.#release();
  }

  ref(): void {
    this.#parts.own?.ref();
  }

  unref(): void {
    this.#parts.own?.unref();
  }

  /** Keeps a datagram, if there is room. */
  receive(datagram: Uint8Array): void {
    this.#restart();
    const waiting = this.#inbox.length;
    if (waiting > 0 && waiting + datagram.length > CAPACITY) return;
    this.#inbox.put(markDatagram(datagram));
  }

  /** The system has said why it goes no further: that nothing listens there, for one. */
  fail(cause: Error): void {
    this.#break(this.#error(cause, "read from"));
  }

  #break(error: Error): void {
    this.#failure ??= error;
    this.#inbox.fail(this.#failure);
    this.#release();
  }

  #send(datagram: Uint8Array): Promise<void> {
    this.#restart();
    return new Promise((resolve, reject) => {
      this.#parts.send(datagram, (cause) => {
        if (cause === null || cause === undefined) resolve();
        else reject(this.#failure ?? this.#error(cause, "write to"));
      });
    });
  }

  #restart(): void {
    const { idle } = this.#parts;
    this.#deadline?.clear();
    if (idle === undefined || idle.timeout === Infinity || this.#isReleased) return;
    this.#deadline = new Deadline(idle.timeout, () => {
      idle.onIdle();
      this.#inbox.end();
    });
  }

  #release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.#deadline?.clear();
    this.#parts.release(this.#closed.resolve);
  }

  #error(cause: Error, tried: string): Error {
    return toConnectionError(cause, `${tried} ${formatEndpoint(this.remoteAddress)}`);
  }
}

async function openSocket(
  { hostname }: Endpoint,
  what: string,
): Promise<{ socket: Socket; address: string }> {
  const { createSocket } = builtin("node:dgram");
  const { lookup } = builtin("node:dns/promises");
  try {
    const { address, family } = await lookup(hostname);
    return { socket: createSocket(family === 6 ? "udp6" : "udp4"), address };
  } catch (cause) {
    throw toConnectionError(cause, what);
  }
}

function toUdpAddress({ address, port }: { address: string; port: number }): Address {
  return { transport: "udp", hostname: address, port };
}

function keyOf({ address, port }: { address: string; port: number }): string {
  return `${address} ${port}`;
}
