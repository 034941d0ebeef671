// Connection: what a chat needs of a transport, and every adapter guarantees.

/** Where one end of a connection is. */
export interface Address {
  /** The transport that the address belongs to. */
  readonly transport: "tcp" | "unix";
  /** The IP address; of a listener on Bun, the name that was asked for; of a Unix socket, empty. */
  readonly hostname: string;
  /** The port, 1 to 65535; of a Unix socket, 0. */
  readonly port: number;
  /** The path of a Unix socket. */
  readonly path?: string;
}

/**
 * A duplex of bytes. It knows nothing of frames, and a {@linkcode Chat} knows nothing else of the
 * transport, so whoever implements these members carries chats over a transport of their own.
 *
 * What every implementation guarantees, and `checkConnection()` of `asynchat/testing` holds it to:
 *
 * - **Order.** Bytes arrive in the order they were written, each once.
 * - **Nothing is read ahead.** While no `read()` waits, at most one chunk is taken from the transport, beyond
 *   what the runtime itself buffers: a reader that does not ask slows its peer down.
 * - **Directions are independent.** A write that waits for the peer never holds up a read, and after the end of
 *   one direction the other goes on.
 * - **Received data comes first.** When the connection breaks, `read()` still hands out what had arrived, and
 *   rejects after it.
 * - **One vocabulary of errors.** What the transport reports is a `ConnectionError`; what an operation meets
 *   that comes after `close()`, or is under way when it is called, is a `ClosedError`.
 * - **One ending.** What breaks one direction of a socket breaks both: when an operation has rejected with a
 *   `ConnectionError`, later writes reject with one of the same `code`, and so does `read()`, after what had arrived,
 *   also if it has said before that the peer had ended. (Two streams that
 *   were joined break each by itself.)
 * - **Nothing stays behind.** After `close()`, or the end of both directions, no listener, timer or file
 *   descriptor is left, and `closed` resolves.
 *
 * What every caller guarantees: at most one `read()` and one `write()` are under way at any time, and
 * `closeWrite()` is called once, when no `write()` is, and no `write()` after it.
 */
export interface Connection {
  /**
   * The next bytes, at least one; `null` once the peer has ended its direction, and on every call after, unless the
   * connection breaks.
   * The chunk is the caller's: nothing is written into it later.
   */
  read(): Promise<Uint8Array | null>;

  /**
   * Sends `data`, which it only reads, and resolves when the transport has taken all of it: the buffer may be reused
   * then.
   * An empty `data` sends nothing and resolves.
   */
  write(data: Uint8Array): Promise<void>;

  /** Ends this side's direction, after all that was written; reading goes on. */
  closeWrite(): Promise<void>;

  /**
   * Ends both directions now; what the transport has not sent yet may be lost. Harmless when repeated.
   * `reason` becomes the `cause` of the `ClosedError` that interrupted operations reject with.
   */
  close(reason?: unknown): void;

  /** Resolves, and never rejects, when the connection is gone and all it held is given back. */
  readonly closed: Promise<void>;

  /**
   * Whether `close()` can take from the peer what was written before `closeWrite()`, as a socket does that is closed
   * while the peer still sends: by a reset. `closeWhenDone()` of a chat reads the peer out before it closes, unless
   * this is `false`. Default: `true`.
   */
  readonly canReset?: boolean | undefined;

  /**
   * Lets what is under way keep the process alive, as it does from the beginning: a read that waits, for one. It undoes
   * `unref()`.
   */
  ref?(): void;

  /**
   * Lets the process end though a read waits. A write that is under way keeps it alive until the system has taken it.
   * Both are harmless when repeated, and after the end, and do nothing where the runtime does not let them.
   */
  unref?(): void;

  /**
   * Lets others have what the connection goes over, where it locks that, until the connection is used again. `detach()` of
   * a chat calls it. It does nothing to what is under way.
   */
  unlock?(): void;

  /** This end's address, where the transport has one. */
  readonly localAddress?: Address | undefined;

  /** The peer's address, where the transport has one. */
  readonly remoteAddress?: Address | undefined;

  /** What TLS settled with the peer, where the connection speaks it. */
  readonly tls?: TlsInfo | undefined;
}

/** What TLS settled with the peer. */
export interface TlsInfo {
  /** The protocol that ALPN chose, if it chose one. */
  readonly alpn: string | undefined;
  /** The peer's certificate, in DER, if it has sent one: `new X509Certificate(...)` of `node:crypto` reads it. */
  readonly peerCertificate: Uint8Array | undefined;
}

/** What a runtime's sockets offer to `listen`: connections, in the order they came. */
export interface ConnectionListener {
  /**
   * The next connection; `null` once the listener is closed. It rejects with a `ConnectionError` when the system
   * refuses to accept, and may be called again.
   */
  accept(): Promise<Connection | null>;
  /** Stops listening. Accepted connections go on; those nobody has accepted are closed. */
  close(): void;
  /** Resolves when the port is free again. */
  readonly closed: Promise<void>;
  /** Where it listens, with the port that the system chose if `0` was asked for. */
  readonly address: Address;
}
