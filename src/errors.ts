// Every error of the library.

/**
 * Every error that this library throws by itself is a `ChatError`, save a `TypeError` or a `RangeError` for an argument
 * that is wrong. The class says what happened, and so does `code`, in a word:
 *
 * | class | code |
 * | --- | --- |
 * | {@linkcode FrameTooLongError} | `"frame-too-long"` |
 * | {@linkcode IncompleteFrameError} | `"incomplete-frame"` |
 * | {@linkcode MalformedFrameError} | `"malformed-frame"` |
 * | {@linkcode FrameInjectionError} | `"frame-injection"` |
 * | {@linkcode FramingError} | `"framing"` |
 * | {@linkcode TimeoutError} | `"timeout"` |
 * | {@linkcode ConnectionError} | one of {@linkcode ConnectionErrorCode} |
 * | {@linkcode ClosedError} | `"closed"` |
 * | {@linkcode ProducerError} | `"producer"` |
 * | {@linkcode BackpressureError} | `"backpressure"` |
 * | {@linkcode UnsupportedError} | `"unsupported"` |
 * | `ChatError` itself | `"unsent"` (`detach()` or `upgrade()` too early), `"reading"` (`upgrade()` too early), `"discarded"` (by `discardBuffers()`) |
 */
export class ChatError extends Error {
  /** A short, fixed word for what happened. */
  readonly code: string;
  /**
   * What the programmer can do about it, where that is known: advice about this library, its options and the program's
   * surroundings. It is no part of `message`, which a program may show to its users, or send to a peer.
   */
  declare readonly hint?: string | undefined;

  /**
   * Makes a `ChatError`.
   * @param code A short, fixed word for what happened.
   * @param message What happened, with the value that was met and what was expected.
   * @param options The `cause`, where another error led to this one.
   */
  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = new.target.name;
    this.code = code;
  }
}

/** Adds advice to an error. An error without any has no such property: it would be shown. */
export function withHint<E extends ChatError>(error: E, hint: string | undefined): E {
  if (hint !== undefined) (error as { hint?: string }).hint = hint;
  return error;
}

/**
 * A frame is longer than `maxFrameLength`. It is thrown as soon as that is known, the frame is
 * dropped, and the next read carries on at the frame after it.
 */
export class FrameTooLongError extends ChatError {
  /** The limit in force, in bytes. */
  readonly limit: number;
  /** How long the frame is at least, in bytes: all that was known when the error was thrown. */
  readonly seen: number;

  /**
   * Makes a `FrameTooLongError`.
   * @param limit The limit in force, in bytes.
   * @param seen How long the frame is at least, in bytes.
   */
  constructor(limit: number, seen: number) {
    super(
      "frame-too-long",
      `the frame is at least ${seen} bytes long, more than the maxFrameLength of ${limit}`,
    );
    withHint(this, "raise the limit, or read it with stream()");
    this.limit = limit;
    this.seen = seen;
  }
}

/**
 * What arrived is not a frame by the framing's rules: a length that is negative, a checksum that does not match, bytes that
 * are not text. The bytes that were read of it are dropped, or as many as the framing says, and the next read carries on
 * after them. After a wrong length nothing tells where the next frame begins: close the chat, or drop one byte
 * (`skip: 1`) and look for the next beginning.
 */
export class MalformedFrameError extends ChatError {
  /** The bytes that were read of the frame, where they are known. */
  readonly bytes: Uint8Array;
  /** How many bytes are dropped; `undefined` for all that were read. */
  readonly skip: number | undefined;

  /**
   * Makes a `MalformedFrameError`.
   * @param message What was found, and what was expected.
   * @param options The bytes that were read, how many of them to drop, and the `cause`.
   */
  constructor(
    message: string,
    options: ErrorOptions & {
      /** The bytes that were read of the frame, to be shown. */
      bytes?: Uint8Array | undefined;
      /**
       * How many bytes to drop, from the first one of the frame, 1 to all that were read: the next frame is looked for
       * after them. Default: all that were read.
       */
      skip?: number | undefined;
    } = {},
  ) {
    super("malformed-frame", message, options);
    this.bytes = options.bytes ?? new Uint8Array(0);
    this.skip = options.skip;
  }
}

/** A framing does not do what a framing must: it is the program that is wrong, not the peer. */
export class FramingError extends ChatError {
  /**
   * Makes a `FramingError`.
   * @param message What the framing did, and what was expected.
   */
  constructor(message: string) {
    super("framing", message);
  }
}

/** A payload cannot be sent as one frame: it contains the delimiter, or does not fit the length. Nothing was sent. */
export class FrameInjectionError extends ChatError {
  /**
   * Makes a `FrameInjectionError`.
   * @param message What the payload contains, and what it must not.
   */
  constructor(message: string) {
    super("frame-injection", message);
  }
}

/** No frame came in time. What has arrived goes to the next read. */
export class TimeoutError extends ChatError {
  /** How long was waited, in milliseconds. */
  readonly timeout: number;

  /**
   * Makes a `TimeoutError`.
   * @param timeout How long was waited, in milliseconds.
   */
  constructor(timeout: number) {
    super("timeout", `no frame came within ${timeout} ms`);
    withHint(this, "what has arrived goes to the next read");
    this.timeout = timeout;
  }
}

/** The stream ended in the middle of a frame. */
export class IncompleteFrameError extends ChatError {
  /** What had arrived of the frame, and was not handed out. */
  readonly bytes: Uint8Array;

  /**
   * Makes an `IncompleteFrameError`.
   * @param bytes What had arrived of the frame, and was not handed out.
   * @param expected What would have ended it, for the message.
   * @param handedOut How many bytes of it were handed out before, for the message.
   * @param canBeLast Whether the option `incomplete: "yield"` would make a frame of them, for the hint.
   */
  constructor(
    bytes: Uint8Array,
    expected: string,
    handedOut: number = 0,
    canBeLast: boolean = false,
  ) {
    const arrived = handedOut + bytes.length;
    super(
      "incomplete-frame",
      `the stream ended ${arrived} bytes into a frame that ${expected} would have ended`,
    );
    if (arrived > 0 && canBeLast) withHint(this, 'incomplete: "yield" gives them as a frame');
    this.bytes = bytes;
  }
}

/**
 * What a connection met, the same words on every runtime (`docs/errors.md` has an example of each):
 *
 * | code | meaning |
 * | --- | --- |
 * | `"refused"` | nothing listens at that address; on Bun 1.4 also what is `"unreachable"` elsewhere |
 * | `"reset"` | the peer, or something on the way, broke the connection off |
 * | `"timeout"` | the peer did not answer in time: the `timeout` of `connect()`, `idleTimeout`, or the system's own limit |
 * | `"unreachable"` | no way leads to that host or network |
 * | `"not-found"` | the host name has no address, or there is no such path or program |
 * | `"in-use"` | something else listens at that address |
 * | `"unavailable"` | that address is not one of this machine's |
 * | `"permission"` | the system or the runtime does not allow it |
 * | `"tls"` | TLS cannot begin, or was broken: a certificate that is not in order, a peer that speaks no TLS or cut it off |
 * | `"exhausted"` | too many files are open, the system has no memory for another socket, or more was received than may wait |
 * | `"other"` | something else; the `cause` says what |
 */
export type ConnectionErrorCode =
  | "refused"
  | "reset"
  | "timeout"
  | "unreachable"
  | "not-found"
  | "in-use"
  | "unavailable"
  | "permission"
  | "tls"
  | "exhausted"
  | "other";

/** The transport failed. The message says what was tried and with what address; the runtime's own error is the `cause`. */
export class ConnectionError extends ChatError {
  /** What happened, in a word that is the same on every runtime. */
  declare readonly code: ConnectionErrorCode;

  /**
   * Makes a `ConnectionError`.
   * @param code What happened.
   * @param message What was tried, with what address, and what happened.
   * @param options The `cause`: the runtime's own error.
   */
  constructor(code: ConnectionErrorCode, message: string, options?: ErrorOptions) {
    super(code, message, options);
  }
}

/** The chat or connection was closed on this side, and cannot do what it was asked. */
export class ClosedError extends ChatError {
  /**
   * Makes a `ClosedError`.
   * @param message What was asked of the closed object.
   * @param options The `cause`: the reason it was closed for, where there was one.
   */
  constructor(message: string, options?: ErrorOptions) {
    super("closed", message, options);
  }
}

/**
 * A producer threw, or yielded what cannot be sent; its error is the `cause`. The chat is closed, and the peer may
 * see an ordinary end: a protocol that says the length first, or marks the end, lets it know that something is missing.
 */
export class ProducerError extends ChatError {
  /**
   * Makes a `ProducerError`.
   * @param message What the producer did.
   * @param options The `cause`: the producer's own error.
   */
  constructor(message: string, options?: ErrorOptions) {
    super("producer", message, options);
  }
}

/** More waited to be sent than `maxQueuedBytes`: the peer does not read, or the program does not wait. */
export class BackpressureError extends ChatError {
  /** The limit in force, in bytes. */
  readonly limit: number;

  /**
   * Makes a `BackpressureError`.
   * @param limit The limit in force, in bytes.
   * @param queued How many bytes waited.
   */
  constructor(limit: number, queued: number) {
    super(
      "backpressure",
      `${queued} bytes wait to be sent, more than the maxQueuedBytes of ${limit}`,
    );
    withHint(this, "await push(), or raise the limit");
    this.limit = limit;
  }
}

/** This runtime, or this connection, cannot do what was asked. */
export class UnsupportedError extends ChatError {
  /**
   * Makes an `UnsupportedError`.
   * @param message What was asked, and of whom.
   */
  constructor(message: string) {
    super("unsupported", message);
  }
}
