// fromProcess(): the standard input and output of a child process.

import { checkOptions, checkTimeout, type OptionNames, typeName } from "../common/checks.ts";
import { Deferred } from "../common/deferred.ts";
import { attempt, notify } from "../common/attempt.ts";
import type { Connection } from "../connection/connection.ts";
import { ConnectionError } from "../errors.ts";
import { builtin } from "../connection/builtin.ts";
import {
  duplex,
  LONGEST_PIECE,
  type Sink,
  type Source,
  type SourceEvents,
  type Whole,
} from "../connection/duplex.ts";
import type { NodeReadableLike } from "../connection/node.ts";
import { NodeHalfSource, NodeSink, type NodeWritableLike } from "../connection/node_halves.ts";
import { toConnectionError } from "../connection/error_codes.ts";
import {
  checkUnlocked,
  type ReadableStreamLike,
  WebSink,
  WebSource,
  type WritableStreamLike,
} from "../connection/web_halves.ts";

/** What {@linkcode fromProcess} needs of a `ChildProcess` of `node:child_process`. */
export interface NodeProcessLike {
  /** The process's number; `undefined` if it could not be started. */
  readonly pid?: number | undefined;
  /** Sends a signal. */
  kill(signal: "SIGTERM" | "SIGKILL"): unknown;
  /** Lets the process keep this one alive. */
  ref?(): unknown;
  /** Lets this process end though that one runs. */
  unref?(): unknown;
  /** Its standard input, which must be a pipe. */
  readonly stdin: NodeWritableLike | null;
  /** Its standard output, which must be a pipe. */
  readonly stdout: NodeReadableLike | null;
  /** How it ended; `null` while it has not. */
  readonly exitCode: number | null;
  /** What signal has ended it. */
  readonly signalCode: string | null;
  /** What was to be run. */
  readonly spawnfile: string;
  /** Listens to the process's events. */
  on(event: string, listener: (...args: never[]) => void): unknown;
}

/** What {@linkcode fromProcess} needs of what `Bun.spawn` returns. */
export interface BunProcessLike {
  /** The process's number; `undefined` if it could not be started. */
  readonly pid?: number | undefined;
  /** Sends a signal. */
  kill(signal: "SIGTERM" | "SIGKILL"): unknown;
  /** Lets the process keep this one alive. */
  ref?(): unknown;
  /** Lets this process end though that one runs. */
  unref?(): unknown;
  /** Its standard input, which must be a pipe. */
  readonly stdin: BunSinkLike | number | null | undefined;
  /** Its standard output, which must be a pipe. */
  readonly stdout: ReadableStreamLike | number | null | undefined;
  /** Resolves when it has ended. */
  readonly exited: Promise<unknown>;
}

/** What {@linkcode fromProcess} needs of a `Bun.FileSink`. */
export interface BunSinkLike {
  /** Takes the data: now, or when the promise resolves. */
  write(data: Uint8Array): number | Promise<number>;
  /** Sends what was taken. */
  flush(): number | Promise<number>;
  /** Ends the stream. */
  end(): unknown;
}

/** What {@linkcode fromProcess} needs of a `Deno.ChildProcess`. */
export interface DenoProcessLike {
  /** The process's number; `undefined` if it could not be started. */
  readonly pid?: number | undefined;
  /** Sends a signal. */
  kill(signal: "SIGTERM" | "SIGKILL"): unknown;
  /** Lets the process keep this one alive. */
  ref?(): unknown;
  /** Lets this process end though that one runs. */
  unref?(): unknown;
  /** Its standard input, which must be `"piped"`. */
  readonly stdin: WritableStreamLike;
  /** Its standard output, which must be `"piped"`. */
  readonly stdout: ReadableStreamLike;
  /** Resolves when it has ended. */
  readonly status: Promise<unknown>;
}

/** A child process of any of the runtimes. */
export type ChildProcessLike = NodeProcessLike | BunProcessLike | DenoProcessLike;

/** What becomes of a process whose connection is closed. */
export interface ProcessOptions {
  /**
   * How long the process may take to end after `close()`, in milliseconds, 0 to 2,147,483,647: then it is sent
   * `SIGTERM`, and after the same time again `SIGKILL`. `Infinity`: it is not killed. Default: 2,000.
   */
  grace?: number | undefined;
}

const OPTIONS: OptionNames<ProcessOptions> = { grace: 1 };

const DEFAULT_GRACE = 2_000;

/**
 * A connection with a child process: what it prints is read, and what is written is its standard input. It takes a
 * `ChildProcess` of `node:child_process`, what `Bun.spawn` returns, or what `new Deno.Command().spawn()` does, of which
 * the standard input and output are pipes. Nobody else should use these two; everything else of the child stays yours:
 * its standard error, its exit code, its signals.
 *
 * `closeWrite()` ends its standard input, which tells most programs to finish. `closed` resolves when both directions
 * have ended, or `close()` was called, and the process has ended, so that its exit code is there. `close()` closes both
 * pipes; a process that has not ended in the time of `grace` after that is killed. What a process had printed before it
 * ended, however it did, is read first, and then comes the end: whether it has succeeded says its exit code. Writing to
 * one that has gone is a `ConnectionError`, `"reset"`.
 *
 * @param child The process, or a function that starts it: then it is also a `ConnectionError` if that cannot be done.
 * @param options What becomes of a process that does not end.
 * @returns The connection. If the process could not be started, and `node:child_process` says so only later, reading and
 * writing reject with that `ConnectionError`: `"not-found"` if there is no such program.
 * @throws {ConnectionError} If the function could not start it.
 * @throws {TypeError} If it is no child process, or its standard input or output is no pipe, or is used already.
 * @throws {RangeError} If `grace` is no time.
 *
 * @example
 * ```ts
 * import { Chat } from "@asynchat/asynchat";
 * import { fromProcess } from "@asynchat/asynchat/process";
 * import { assertEquals } from "@std/assert";
 * import { spawn } from "node:child_process";
 *
 * const sort = spawn("sort", { stdio: ["pipe", "pipe", "inherit"] });
 * const chat = new Chat(fromProcess(sort), { terminator: "\n", encoding: "utf-8" });
 * chat.push("pear\n", "apple\n");
 * chat.closeWrite();
 * assertEquals(await Array.fromAsync(chat), ["apple", "pear"]);
 * await chat.closeWhenDone();
 * assertEquals(sort.exitCode, 0);
 * ```
 */
export function fromProcess(
  child: ChildProcessLike | (() => ChildProcessLike),
  options: ProcessOptions = {},
): Connection {
  const { grace = DEFAULT_GRACE } = checkOptions(options, OPTIONS);
  checkTimeout("grace", grace);
  const started = typeof child === "function" ? start(child) : child;
  if (!isProcess(started)) {
    throw new TypeError(
      "child must be a ChildProcess of node:child_process, what Bun.spawn() returns, " +
        `or what Deno.Command.spawn() does, not ${typeName(started)}`,
    );
  }
  const end = new ProcessEnd(started, grace);
  return duplex(...halvesOf(started, end), end);
}

function start(startChild: () => ChildProcessLike): ChildProcessLike {
  try {
    return startChild();
  } catch (cause) {
    throw toStartError(cause, "the process");
  }
}

function titleOf(child: ChildProcessLike): string {
  const name = "spawnfile" in child ? ` (${child.spawnfile})` : "";
  return `process ${child.pid ?? ""}${name}`.trim();
}

function halvesOf(child: ChildProcessLike, end: ProcessEnd): [Source, Sink] {
  const output = `the standard output of ${titleOf(child)}`;
  const input = `the standard input of ${titleOf(child)}`;
  if (isNode(child)) {
    if (child.pid === undefined) {
      const both = new NotStarted(child);
      return [both, both];
    }
    const stdin = checkPipe("stdin", child.stdin, "write");
    const stdout = checkPipe("stdout", child.stdout, "pause");
    const source = new NodeHalfSource(output, stdout, () => stdout.destroy());
    return [source, new NodeSink(input, stdin, true)];
  }
  if (isBun(child)) {
    const stdin = checkPipe("stdin", child.stdin, "flush") as BunSinkLike;
    const stdout = checkPipe("stdout", child.stdout, "getReader") as ReadableStreamLike;
    checkUnlocked(output, stdout);
    return [new WebSource(output, stdout), new BunSink(input, stdin, end)];
  }
  // Deno throws where the other runtimes have nothing.
  const stdin = checkPipe("stdin", attempt(() => child.stdin), "getWriter");
  const stdout = checkPipe("stdout", attempt(() => child.stdout), "getReader");
  checkUnlocked(input, stdin);
  checkUnlocked(output, stdout);
  return [new WebSource(output, stdout), new WebSink(input, stdin)];
}

function isProcess(value: unknown): value is ChildProcessLike {
  if (typeof value !== "object" || value === null || !("kill" in value)) return false;
  return "on" in value || "exited" in value || "status" in value;
}

function isNode(child: ChildProcessLike): child is NodeProcessLike {
  return "on" in child;
}

function isBun(child: ChildProcessLike): child is BunProcessLike {
  return "exited" in child;
}

function checkPipe<T>(name: string, stream: T | null | undefined, method: string): T {
  if (typeof (stream as Record<string, unknown> | null | undefined)?.[method] === "function") {
    return stream as T;
  }
  throw new TypeError(
    `the child's ${name} must be a pipe, not ${typeName(stream)}: start the process with ` +
      `${name} "pipe" ("piped" for Deno)`,
  );
}

function toStartError(cause: unknown, what: string): ConnectionError {
  const { code, name } = cause as { code?: unknown; name?: unknown };
  if (code !== "ENOENT" && name !== "NotFound") return toConnectionError(cause, `start ${what}`);
  const message = `cannot start ${what}: there is no such program, or no such directory`;
  return new ConnectionError("not-found", message, { cause });
}

/** Both halves of a process of Node that could not be started, which Node says in an event, and its streams do not. */
class NotStarted implements Source, Sink {
  readonly name = "the process";
  readonly #failed = new Deferred<never>();

  constructor(child: NodeProcessLike) {
    child.on("error", (cause: Error) => {
      this.#failed.reject(toStartError(cause, JSON.stringify(child.spawnfile)));
    });
  }

  open(events: SourceEvents): void {
    this.#failed.promise.catch((error) => events.onFailure(error));
  }

  pull(): void {}

  write(): Promise<never> {
    return this.#failed.promise;
  }

  end(): Promise<never> {
    return this.#failed.promise;
  }
}

/** Waits for the end of a process, and brings it about. */
class ProcessEnd implements Whole {
  readonly #child: ChildProcessLike;
  readonly #grace: number;
  readonly #exit = new Deferred();
  readonly #closed = new Deferred();
  #hasExited = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(child: ChildProcessLike, grace: number) {
    this.#child = child;
    this.#grace = grace;
    const onExit = (): void => this.#onExit();
    if (!isNode(child)) {
      (isBun(child) ? child.exited : child.status).then(onExit, onExit);
    } else if (child.exitCode !== null || child.signalCode !== null) {
      onExit();
    } else {
      child.on("exit", onExit);
      // Also a signal that could not be sent is an error.
      child.on("error", () => {
        if (child.pid === undefined) onExit();
      });
    }
  }

  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  get hasExited(): boolean {
    return this.#hasExited;
  }

  /** A process that has ended may have printed what is still to be read, so that alone closes nothing. */
  release(): void {
    this.#exit.promise.then(this.#closed.resolve);
  }

  terminate(): void {
    this.#killLater(() => {
      this.#kill("SIGTERM");
      this.#killLater(() => this.#kill("SIGKILL"));
    });
  }

  ref(): void {
    this.#child.ref?.();
  }

  unref(): void {
    this.#child.unref?.();
  }

  #killLater(kill: () => void): void {
    if (this.#hasExited || this.#grace === Infinity) return;
    this.#timer = setTimeout(kill, this.#grace);
  }

  #kill(signal: "SIGTERM" | "SIGKILL"): void {
    const { pid } = this.#child;
    try {
      const wasSent = this.#child.kill(signal);
      // In Deno's node:child_process a process that was sent a signal counts as ended, and is not sent another.
      if (wasSent === false && pid !== undefined) builtin("node:process").kill(pid, signal);
    } catch {
      // It has ended meanwhile.
    }
  }

  #onExit(): void {
    this.#hasExited = true;
    clearTimeout(this.#timer);
    this.#exit.resolve();
  }
}

/** Writes to the standard input of a process of `Bun.spawn`. */
class BunSink implements Sink {
  readonly name: string;
  readonly keeps = true;
  readonly longestPiece = LONGEST_PIECE;
  readonly #sink: BunSinkLike;
  readonly #end: ProcessEnd;

  constructor(name: string, sink: BunSinkLike, end: ProcessEnd) {
    this.name = name;
    this.#sink = sink;
    this.#end = end;
  }

  async write(data: Uint8Array): Promise<void> {
    // Bun takes what is written to a process that has ended, and drops it.
    if (this.#end.hasExited) {
      const what = `cannot write to ${this.name}: the process has ended`;
      throw new ConnectionError("reset", what);
    }
    await this.#sink.write(data);
    await this.#sink.flush();
  }

  async end(): Promise<void> {
    await this.#sink.end();
  }

  abort(): void {
    notify(() => this.#sink.end());
  }
}
