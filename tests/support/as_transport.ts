/** Connections in the clothes of other transports: what a runtime's sockets do, through web streams or an iterable and a writer. */
import type { Connection, WriterLike } from "../../mod.ts";

/** What a Cloudflare `Socket` is. */
export interface SocketOfStreams {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
  readonly closed: Promise<void>;
  close(): void;
}

/** A connection as a pair of web streams, which buffer nothing, with the members of the transport that they belong to. */
export function asSocket(connection: Connection): SocketOfStreams {
  return {
    readable: new ReadableStream({
      async pull(controller) {
        const chunk = await connection.read();
        if (chunk === null) controller.close();
        else controller.enqueue(chunk);
      },
      cancel: (reason) => connection.close(reason),
    }, { highWaterMark: 0 }),
    writable: new WritableStream({
      write: (chunk) => connection.write(chunk),
      close: () => connection.closeWrite(),
      abort: (reason) => connection.close(reason),
    }),
    closed: connection.closed,
    close: () => connection.close(),
  };
}

/** A connection as the iterable of batches and the writer that `node:stream/iter` has. */
export function asIterable(connection: Connection): [AsyncIterable<Uint8Array[]>, WriterLike] {
  async function* batches(): AsyncGenerator<Uint8Array[]> {
    for (let chunk = await connection.read(); chunk; chunk = await connection.read()) {
      const middle = chunk.length >> 1;
      yield [chunk.subarray(0, middle), chunk.subarray(middle)];
    }
  }
  return [batches(), {
    write: (chunk) => connection.write(chunk),
    end: () => connection.closeWrite(),
    fail: (reason) => connection.close(reason),
  }];
}
