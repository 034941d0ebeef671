/** What the types say; `tsc` and `deno check` are what fails here. */
import { test } from "node:test";
import { expectTypeOf } from "expect-type";
import {
  anyOf,
  Chat,
  type ChatOptions,
  codec,
  connect,
  type Connection,
  type ConnectOptions,
  delimited,
  type Encoding,
  type Frame,
  type FramedBy,
  type FrameOf,
  Framer,
  type FramerOptions,
  FrameStream,
  type Framing,
  headed,
  jsonLines,
  lengthPrefixed,
  lines,
  listen,
  type Listener,
  type ListenOptions,
  MalformedFrameError,
  netstring,
  serve,
  type Server,
  type Terminator,
  varintPrefixed,
} from "../mod.ts";

declare const connection: Connection;
declare const bytesChat: Chat;
declare const textChat: Chat<string>;
declare const anyChat: Chat<Frame>;

test("types say that frames are text when there is an encoding, and bytes when there is none", () => {
  const check = (): void => {
    expectTypeOf(new Chat(connection, { terminator: "\n" })).toEqualTypeOf<Chat>();
    expectTypeOf(new Chat(connection, { terminator: "\n", encoding: "utf-8" }))
      .toEqualTypeOf<Chat<string>>();
    const fixed = { terminator: 1, encoding: "latin1" } as const;
    expectTypeOf(new Chat(connection, fixed)).toEqualTypeOf<Chat<string>>();
    expectTypeOf(new Chat<Frame>(connection, {} as ChatOptions)).toEqualTypeOf<Chat<Frame>>();
    // @ts-expect-error: the options may have an encoding, or a framing that makes messages, or neither
    new Chat(connection, {} as ChatOptions);
    // @ts-expect-error: the same
    new Framer({} as FramerOptions);
    expectTypeOf(new Chat<unknown>(connection, {} as ChatOptions)).toEqualTypeOf<Chat<unknown>>();
    expectTypeOf(new Framer<unknown>({} as FramerOptions)).toEqualTypeOf<Framer<unknown>>();
    // @ts-expect-error: with an encoding frames are no bytes
    new Chat<Uint8Array>(connection, { terminator: "\n", encoding: "utf-8" });
    // @ts-expect-error: without an encoding frames are no text
    new Chat<string>(connection, { terminator: "\n" });

    expectTypeOf(connect({ port: 1, terminator: "\n" })).resolves.toEqualTypeOf<Chat>();
    expectTypeOf(connect({ port: 1, terminator: "\n", encoding: "utf-8" }))
      .resolves.toEqualTypeOf<Chat<string>>();
    expectTypeOf(connect({ port: 1, ...{} as ChatOptions })).resolves.toEqualTypeOf<Chat<Frame>>();
    expectTypeOf(connect({} as ConnectOptions)).resolves.toEqualTypeOf<Chat<Frame>>();
    expectTypeOf(listen({} as ListenOptions)).resolves.toEqualTypeOf<Listener<Frame>>();
    const url = "tcp://127.0.0.1:1";
    expectTypeOf(connect(url, { terminator: "\n" })).resolves.toEqualTypeOf<Chat>();
    expectTypeOf(connect(new URL(url), { terminator: "\n", encoding: "utf-8" }))
      .resolves.toEqualTypeOf<Chat<string>>();
    expectTypeOf(connect(url, {} as ChatOptions)).resolves.toEqualTypeOf<Chat<Frame>>();
    // @ts-expect-error: a URL does not say how frames are cut
    connect(url);
    // @ts-expect-error: there is no such option
    connect({ port: 1, terminator: "\n", encoding: "utf-8", maxFrameLenght: 1 });
    expectTypeOf(listen({ port: 1, terminator: "\n" })).resolves.toEqualTypeOf<Listener>();
    expectTypeOf(listen({ port: 1, terminator: "\n", encoding: "utf-8" }))
      .resolves.toEqualTypeOf<Listener<string>>();
    const noted = serve({ port: 1, terminator: "\n", encoding: "utf-8" }, (chat) => {
      expectTypeOf(chat).toEqualTypeOf<Chat<string>>();
    });
    expectTypeOf(noted).resolves.toEqualTypeOf<Server<string>>();
    const echoed = serve({ port: 1, terminator: "\n" }, async (chat) => {
      for await (const frame of chat) expectTypeOf(frame).toEqualTypeOf<Uint8Array>();
    });
    expectTypeOf(echoed).resolves.toEqualTypeOf<Server>();
    expectTypeOf<Listener<string>["accept"]>().returns.resolves.toEqualTypeOf<
      Chat<string> | null
    >();

    expectTypeOf(new Framer({ terminator: 1 })).toEqualTypeOf<Framer>();
    expectTypeOf(new Framer({ terminator: 1, encoding: "utf-8" })).toEqualTypeOf<Framer<string>>();
    expectTypeOf(new FrameStream({ terminator: lines() }).readable)
      .toEqualTypeOf<ReadableStream<Uint8Array>>();
    expectTypeOf(new FrameStream({ terminator: lines(), encoding: "utf-8" }).readable)
      .toEqualTypeOf<ReadableStream<string>>();
  };
  expectTypeOf(check).returns.toBeVoid();
});

test("types say what loops and reads give", () => {
  const check = async (): Promise<void> => {
    for await (const frame of bytesChat) expectTypeOf(frame).toEqualTypeOf<Uint8Array>();
    for await (const frame of textChat) expectTypeOf(frame).toEqualTypeOf<string>();
    for await (const frame of anyChat) expectTypeOf(frame).toEqualTypeOf<Frame>();
    for await (const batch of textChat.batches()) {
      for (const frame of batch) expectTypeOf(frame).toEqualTypeOf<string>();
    }
    for await (const batch of bytesChat.batches()) {
      for (const frame of batch) expectTypeOf(frame).toEqualTypeOf<Uint8Array>();
    }
    for await (const piece of textChat.stream()) expectTypeOf(piece).toEqualTypeOf<Uint8Array>();
    for (const frame of new Framer({ terminator: 1, encoding: "utf-8" })) {
      expectTypeOf(frame).toEqualTypeOf<string>();
    }
    expectTypeOf(textChat.read()).resolves.toEqualTypeOf<string | null>();
    expectTypeOf(bytesChat.read()).resolves.toEqualTypeOf<Uint8Array | null>();
    expectTypeOf(anyChat.read()).resolves.toEqualTypeOf<Frame | null>();
    expectTypeOf(textChat.readBytes()).resolves.toEqualTypeOf<Uint8Array | null>();
    expectTypeOf(bytesChat.readText()).resolves.toEqualTypeOf<string | null>();
  };
  expectTypeOf(check).returns.resolves.toBeVoid();
});

test("types accept every terminator, and the web's AbortSignal", () => {
  expectTypeOf<string | Uint8Array | number | null>().toExtend<Terminator>();
  expectTypeOf(lines()).toExtend<Terminator>();
  expectTypeOf<bigint>().not.toExtend<Terminator>();
  expectTypeOf<AbortSignal>().toExtend<
    NonNullable<NonNullable<Parameters<Chat["read"]>[1]>["signal"]>
  >();
});

interface Note {
  readonly id: number;
}

declare const notes: Framing<Note>;
declare const ownBytes: Framing<Uint8Array>;
declare const anyTerminator: Terminator;
declare const noteChat: Chat<Note>;

test("types say that frames are the messages of a framing that makes them", () => {
  const check = (): void => {
    expectTypeOf(jsonLines<Note>()).toEqualTypeOf<Framing<Note>>();
    const json = { terminator: jsonLines<Note>() };
    expectTypeOf(new Chat(connection, json)).toEqualTypeOf<Chat<Note>>();
    expectTypeOf(new Framer(json)).toEqualTypeOf<Framer<Note>>();
    expectTypeOf(new FrameStream(json).readable).toEqualTypeOf<ReadableStream<Note>>();
    expectTypeOf(connect({ port: 1, ...json })).resolves.toEqualTypeOf<Chat<Note>>();
    expectTypeOf(connect("tcp://127.0.0.1:1", json)).resolves.toEqualTypeOf<Chat<Note>>();
    expectTypeOf(listen({ port: 1, ...json })).resolves.toEqualTypeOf<Listener<Note>>();
    const served = serve({ port: 1, ...json }, async (chat) => {
      expectTypeOf(chat).toEqualTypeOf<Chat<Note>>();
      for await (const message of chat) expectTypeOf(message).toEqualTypeOf<Note>();
    });
    expectTypeOf(served).resolves.toEqualTypeOf<Server<Note>>();

    expectTypeOf(new Chat(connection, { terminator: notes })).toEqualTypeOf<Chat<Note>>();
    expectTypeOf(new Chat(connection, { terminator: jsonLines<string | null>() }))
      .toEqualTypeOf<Chat<string | null>>();
    const numbers = codec(lengthPrefixed(), { decode: (frame) => frame.length, encode: String });
    expectTypeOf(new Chat(connection, { terminator: numbers })).toEqualTypeOf<Chat<number>>();
    // @ts-expect-error: the messages are notes
    new Chat<string>(connection, { terminator: notes });
  };
  expectTypeOf(check).returns.toBeVoid();
});

test("types say that frames of a framing without messages are bytes, and text with an encoding", () => {
  const check = (): void => {
    const own = {
      *decode() {
        const header = yield 2;
        if (header[0] === 0) throw new MalformedFrameError("no header", { bytes: header, skip: 1 });
        if (header[1] === 0) return undefined;
        return { length: header[1]!, trailer: yield* empty() };
      },
    } satisfies Framing;
    function* empty(): Generator<number, string, Uint8Array> {
      yield 0;
      return "";
    }
    for (const terminator of [own, ownBytes]) {
      expectTypeOf(new Chat(connection, { terminator })).toEqualTypeOf<Chat>();
      expectTypeOf(new Chat(connection, { terminator, encoding: "utf-8" }))
        .toEqualTypeOf<Chat<string>>();
    }
    for (const terminator of [lines(), delimited("\n", { orEnd: true }), anyOf("\r", "\n")]) {
      expectTypeOf(new Framer({ terminator })).toEqualTypeOf<Framer>();
      expectTypeOf(new Framer({ terminator, encoding: "latin1" })).toEqualTypeOf<Framer<string>>();
    }
    const headers = [netstring(), lengthPrefixed(), headed(1, (h) => h[0]!)];
    for (const terminator of [...headers, varintPrefixed({ strict: true })]) {
      expectTypeOf(new Framer({ terminator })).toEqualTypeOf<Framer>();
      expectTypeOf(new Framer({ terminator, encoding: "utf-8" })).toEqualTypeOf<Framer<string>>();
    }
    expectTypeOf(new Chat(connection, { terminator: anyTerminator, encoding: "utf-8" }))
      .toEqualTypeOf<Chat<string>>();
    expectTypeOf(connect({ port: 1, terminator: anyTerminator, encoding: "utf-8" }))
      .resolves.toEqualTypeOf<Chat<string>>();
    // @ts-expect-error: there is no such encoding
    new Chat(connection, { terminator: "\n", encoding: "utf-16le" });

    function open<E extends Encoding | undefined = undefined, M = Uint8Array>(
      options: ConnectOptions & FramedBy<E, M>,
    ): Promise<Chat<FrameOf<E, M>>> {
      return connect<E, M>({ ...options, port: 1 });
    }
    expectTypeOf(open({ port: 1, terminator: "\n" })).resolves.toEqualTypeOf<Chat>();
    expectTypeOf(open({ port: 1, terminator: "\n", encoding: "utf-8" }))
      .resolves.toEqualTypeOf<Chat<string>>();
    expectTypeOf(open({ port: 1, terminator: notes })).resolves.toEqualTypeOf<Chat<Note>>();
  };
  expectTypeOf(check).returns.toBeVoid();
});

test("types say what a read by another terminator gives, and what can be sent", () => {
  const check = async (): Promise<void> => {
    expectTypeOf(textChat.read(jsonLines<Note>())).resolves.toEqualTypeOf<Note | null>();
    expectTypeOf(bytesChat.read(notes)).resolves.toEqualTypeOf<Note | null>();
    expectTypeOf(noteChat.read(jsonLines<string>())).resolves.toEqualTypeOf<string | null>();
    expectTypeOf(textChat.read(lines())).resolves.toEqualTypeOf<string | null>();
    expectTypeOf(textChat.read(ownBytes)).resolves.toEqualTypeOf<string | null>();
    expectTypeOf(bytesChat.read(lines())).resolves.toEqualTypeOf<Uint8Array | null>();
    expectTypeOf(textChat.read(5, { timeout: 1 })).resolves.toEqualTypeOf<string | null>();
    expectTypeOf(textChat.read(notes, { timeout: 1 })).resolves.toEqualTypeOf<Note | null>();
    expectTypeOf(textChat.read({ timeout: 1 })).resolves.toEqualTypeOf<string | null>();
    expectTypeOf(noteChat.read({ signal: AbortSignal.timeout(1) }))
      .resolves.toEqualTypeOf<Note | null>();
    expectTypeOf(noteChat.readBytes({ timeout: 1 })).resolves.toEqualTypeOf<Uint8Array | null>();
    // @ts-expect-error: there is no such option
    void textChat.read({ timout: 1 });

    for await (const message of noteChat) expectTypeOf(message).toEqualTypeOf<Note>();
    for await (const batch of noteChat.batches()) {
      for (const message of batch) expectTypeOf(message).toEqualTypeOf<Note>();
    }
    for await (const piece of noteChat.stream()) expectTypeOf(piece).toEqualTypeOf<Uint8Array>();
    void noteChat.send({ id: 1 });
    void noteChat.send("a payload");
    void textChat.send(new ArrayBuffer(1));
    // @ts-expect-error: that is no note
    void noteChat.send({ name: "one" });
    // @ts-expect-error: nor a payload
    void textChat.send({ id: 1 });

    const framer = new Framer({ terminator: notes });
    expectTypeOf(framer.next()).toEqualTypeOf<Note | undefined>();
    expectTypeOf(framer.next(jsonLines<string>())).toEqualTypeOf<string | undefined>();
    expectTypeOf(framer.nextBytes()).toEqualTypeOf<Uint8Array | undefined>();
  };
  expectTypeOf(check).returns.resolves.toBeVoid();
});
