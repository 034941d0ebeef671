// fromStdio(): the standard input and output of this program.

import type { Connection } from "../connection/connection.ts";
import { UnsupportedError, withHint } from "../errors.ts";
import { duplex, LONGEST_PIECE, type Sink, type Source } from "../connection/duplex.ts";
import type { NodeReadableLike } from "../connection/node.ts";
import { NodeHalfSource, NodeSink, type NodeWritableLike } from "../connection/node_halves.ts";
import { checkUnlocked, type ReadableStreamLike, WebSource } from "../connection/web_halves.ts";

interface DenoStdoutLike {
  write(data: Uint8Array): Promise<number>;
}

interface Runtimes {
  readonly Deno?: {
    readonly stdin: { readonly readable: ReadableStreamLike };
    readonly stdout: DenoStdoutLike;
  };
  readonly process?: {
    readonly stdin?: NodeReadableLike;
    readonly stdout?: NodeWritableLike;
  };
}

const INPUT = "the standard input";
const OUTPUT = "the standard output";

/**
 * The program's own standard input and standard output as a connection: for a filter in a pipe, or a server that its
 * client starts, as a language server is. Both may be a pipe, a file, a terminal, `/dev/null`, or closed. Nothing else may
 * read the standard input meanwhile; what `console.log()` prints comes between what is written.
 *
 * A waiting `read()` keeps the program running, and nothing else does. When the reader of the standard output has gone,
 * as in `filter | head -1`, a write rejects with a `ConnectionError`, `"reset"`, and so does a read that waits. All
 * that a resolved `write()` was given is with the system, also if `process.exit()` follows.
 *
 * The two streams are the program's, and stay open: `closeWrite()` and `close()` only mean that the connection uses
 * them no more, and whoever reads the standard output sees its end when the program ends. A write that waits for a slow
 * reader when the connection is closed is finished by the runtime, and keeps the program running until then, or until
 * `process.exit()`.
 *
 * `closeWhenDone()` of a chat does not wait for the end of the input. A program whose standard input and output are a
 * socket, as `inetd` starts it, reads its input to the end by itself: if it ends before, its peer may see a reset.
 *
 * @returns The connection.
 * @throws {TypeError} If `setEncoding()` was called on `process.stdin`: the connection needs bytes. If somebody else reads
 * `Deno.stdin.readable`.
 * @throws {UnsupportedError} If this runtime has no standard input.
 *
 * @example
 * ```ts
 * import { Chat, ConnectionError } from "@asynchat/asynchat";
 * import { fromStdio } from "@asynchat/asynchat/process";
 *
 * async function upcase(): Promise<void> {
 *   const chat = new Chat(fromStdio(), { terminator: "\n", encoding: "utf-8" });
 *   for await (const line of chat) await chat.send(line.toUpperCase());
 *   await chat.closeWhenDone();
 * }
 * ```
 */
export function fromStdio(): Connection {
  const { Deno, process } = globalThis as unknown as Runtimes;
  if (Deno !== undefined) {
    const { stdin, stdout } = Deno;
    checkUnlocked(INPUT, stdin.readable);
    return join(new WebSource(INPUT, stdin.readable), new DenoStdoutSink(stdout));
  }
  if (process?.stdin !== undefined && process.stdout !== undefined) {
    const { stdin, stdout } = process;
    return join(
      new NodeHalfSource(INPUT, stdin, () => stdin.pause()),
      new NodeSink(OUTPUT, stdout, false),
    );
  }
  throw withHint(
    new UnsupportedError(
      "this runtime has no standard input and output: they need Node, Deno or Bun",
    ),
    "elsewhere, make a Chat over a Connection of your own",
  );
}

/** A program of whose output nobody wants more should not wait for more input, either: other programs end by `SIGPIPE`. */
function join(source: Source & { fail(error: Error): void }, sink: Sink): Connection {
  return duplex(source, sink, {
    canReset: false, // what was written is with the system
    onWriteFailure: (error) => source.fail(error),
  });
}

/** Unlike `Deno.stdout.writable`, this leaves the standard output open, and for `console.log()`. */
class DenoStdoutSink implements Sink {
  readonly name = OUTPUT;
  readonly keeps = true;
  readonly longestPiece = LONGEST_PIECE;
  readonly #stdout: DenoStdoutLike;
  #stopped = false;

  constructor(stdout: DenoStdoutLike) {
    this.#stdout = stdout;
  }

  async write(data: Uint8Array): Promise<void> {
    for (let rest = data; rest.length > 0 && !this.#stopped;) {
      rest = rest.subarray(await this.#stdout.write(rest));
    }
  }

  end(): Promise<void> {
    return Promise.resolve();
  }

  abort(): void {
    this.#stopped = true;
  }
}
