/**
 * TCP gives you bytes, your protocol needs frames. A {@linkcode Chat} turns any byte connection into frames to loop
 * over, lets the loop itself decide where the next frame ends, and sends what producers yield, in order. It behaves the
 * same on Node, Deno and Bun.
 *
 * ```ts
 * import { connect, listen } from "@asynchat/asynchat";
 * import { assertEquals } from "@std/assert";
 *
 * const listener = await listen({ port: 0, terminator: "\n" });
 * const client = await connect({ port: listener.address.port, terminator: "\n" });
 * const server = (await listener.accept())!;
 *
 * client.push("PUT 11\n", "hello world"); // a line, and as many bytes as it says
 * for await (const line of server) {
 *   server.terminator = Number(new TextDecoder().decode(line).split(" ")[1]);
 *   break; // leaving the loop leaves the chat open
 * }
 * assertEquals(new TextDecoder().decode(await server.read() ?? undefined), "hello world");
 *
 * await Promise.all([client.closeWhenDone(), server.closeWhenDone(), listener.close()]);
 * ```
 *
 * @module
 */

// The chat: frames in, producers out.
export { Chat, type ChatOptions } from "./src/chat/chat.ts";
export type { ReadOptions } from "./src/chat/inbound.ts";
export type { FramePieces } from "./src/chat/piece_reader.ts";
export type { Producer } from "./src/chat/producer.ts";
export type { Data } from "./src/common/bytes.ts";
export type { Encoding } from "./src/common/latin1.ts";

// Frames, terminators and framings.
export type { Terminator } from "./src/framer/terminator.ts";
export {
  type Frame,
  type FrameBy,
  type FramedBy,
  type FrameOf,
  Framer,
  type FramerOptions,
  type FramesOf,
} from "./src/framer/framer.ts";

export { FrameStream } from "./src/chat/frame_stream.ts";
export type {
  Codec,
  Decoded,
  DelimitedCodec,
  FrameLayout,
  Framing,
  Portion,
} from "./src/framer/framing.ts";
export { anyOf } from "./src/framings/any_of.ts";
export { codec } from "./src/framings/codec.ts";
export { delimited } from "./src/framings/delimited.ts";
export { headed } from "./src/framings/headed.ts";
export { jsonLines } from "./src/framings/json_lines.ts";
export { lengthPrefixed } from "./src/framings/length_prefixed.ts";
export { lines } from "./src/framings/lines.ts";
export { netstring } from "./src/framings/netstring.ts";
export { varintPrefixed } from "./src/framings/varint_prefixed.ts";

// Connecting, listening, serving.
export { connect, type ConnectOptions } from "./src/net/connect.ts";
export { listen, Listener, type ListenerOptions, type ListenOptions } from "./src/net/listen.ts";
export {
  type Handler,
  serve,
  type ServeOptions,
  Server,
  type ServerOptions,
} from "./src/net/serve.ts";

// Connections: what a chat goes over.
export type { Address, Connection, ConnectionListener } from "./src/connection/connection.ts";
export type { Wrap } from "./src/connection/wrap.ts";
export { tap } from "./src/net/tap.ts";
export { fromBun } from "./src/net/bun.ts";
export { type DenoConnLike, fromDeno } from "./src/net/deno.ts";
export { fromIterable, type WriterLike } from "./src/connection/iterable.ts";
export { memoryPair } from "./src/connection/memory.ts";
export { fromNode, type NodeDuplexLike } from "./src/connection/node.ts";
export { fromStreams, type StreamsLike } from "./src/connection/streams.ts";

// Errors.
export {
  BackpressureError,
  ChatError,
  ClosedError,
  ConnectionError,
  type ConnectionErrorCode,
  FrameInjectionError,
  FrameTooLongError,
  FramingError,
  IncompleteFrameError,
  MalformedFrameError,
  ProducerError,
  TimeoutError,
  UnsupportedError,
} from "./src/errors.ts";
