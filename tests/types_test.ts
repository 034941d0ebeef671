/** What the types say; `tsc` and `deno check` are what fails here. */
import { test } from "node:test";
import { expectTypeOf } from "expect-type";
import {
  Chat,
  type ChatOptions,
  connect,
  type Connection,
  type Frame,
  Framer,
  FrameStream,
  lines,
  listen,
  type Listener,
  serve,
  type Server,
  type Terminator,
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
    // @ts-expect-error: the options may have an encoding, or not
    new Chat(connection, {} as ChatOptions);
    // @ts-expect-error: with an encoding frames are no bytes
    new Chat<Uint8Array>(connection, { terminator: "\n", encoding: "utf-8" });
    // @ts-expect-error: without an encoding frames are no text
    new Chat<string>(connection, { terminator: "\n" });

    expectTypeOf(connect({ port: 1, terminator: "\n" })).resolves.toEqualTypeOf<Chat>();
    expectTypeOf(connect({ port: 1, terminator: "\n", encoding: "utf-8" }))
      .resolves.toEqualTypeOf<Chat<string>>();
    expectTypeOf(connect<Frame>({ port: 1, ...{} as ChatOptions })).resolves.toEqualTypeOf<
      Chat<Frame>
    >();
    const url = "tcp://127.0.0.1:1";
    expectTypeOf(connect(url, { terminator: "\n" })).resolves.toEqualTypeOf<Chat>();
    expectTypeOf(connect(new URL(url), { terminator: "\n", encoding: "utf-8" }))
      .resolves.toEqualTypeOf<Chat<string>>();
    expectTypeOf(connect<Frame>(url, {} as ChatOptions)).resolves.toEqualTypeOf<Chat<Frame>>();
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
