/** `frameTimeout`, and what no timeout blames a peer for: frames that come, time that the program takes, and another chat's work. */
import { test } from "node:test";
import { assert, assertEquals, assertRejects, assertStrictEquals, assertThrows } from "@std/assert";
import {
  Chat,
  type ChatOptions,
  connect,
  type Connection,
  ConnectionError,
  delimited,
  FrameTooLongError,
  type Framing,
  lengthPrefixed,
  memoryPair,
} from "../../mod.ts";
import { beBusy } from "../support/busy.ts";
import { bytes, text } from "../support/bytes.ts";
import { chatPair, scripted, ticks } from "../support/chats.ts";
import { startPeerProcess } from "../support/peer_process.ts";
import { type Timers, withTimers } from "../support/timers.ts";
import { TRANSPORT_PAIRS } from "../support/transport_pairs.ts";

const LINES = { terminator: "\n", encoding: "utf-8" } as const;
/** So long as no test takes. */
const LIMIT = 100_000;

function assertTimeout(error: unknown): asserts error is ConnectionError {
  assert(error instanceof ConnectionError, `${error}`);
  assertStrictEquals(error.code, "timeout");
}

/** The ways to ask for frames, each to the end. */
const READERS: Readonly<Record<string, (chat: Chat<string>) => Promise<void>>> = {
  "read()": async (chat) => {
    while (await chat.read() !== null);
  },
  "readBytes()": async (chat) => {
    while (await chat.readBytes() !== null);
  },
  "read(terminator)": async (chat) => {
    while (await chat.read("\n") !== null);
  },
  "a loop": async (chat) => {
    for await (const _ of chat);
  },
  "batches()": async (chat) => {
    for await (const batch of chat.batches()) for (const _ of batch);
  },
};

// A frame that does not get whole

for (const [how, read] of Object.entries(READERS)) {
  test(`frameTimeout closes a chat whose peer sends a byte now and then, in ${how}`, async () => {
    await using peer = await startPeerProcess("dribbles");
    const chat = await connect({ port: peer.port, ...LINES, frameTimeout: 100 });
    const error = await read(chat).then(() => undefined, (error) => error);
    assertTimeout(error);
    assert(error.message.includes("sent no whole frame within 100 ms"), error.message);
    assertStrictEquals(await chat.closed, error);
    assertStrictEquals(await chat.push("x").catch((reason) => reason), error);
  });

  test(`frameTimeout blames no peer for whole frames that go on and on, in ${how}`, async () => {
    const [chat, peer] = chatPair({ frameTimeout: LIMIT });
    await withTimers(async (timers) => {
      const reading = read(chat);
      for (let i = 0; i < 20; i++) {
        await peer.write(bytes("one\ntwo\nhal"));
        await settle();
        assertStrictEquals(ours(timers).length, 1); // of this frame
        await peer.write(bytes("f\n"));
        await settle();
        assertStrictEquals(ours(timers).length, 0);
      }
      await peer.closeWrite();
      await reading;
    });
    await chat.closeWhenDone();
    assertStrictEquals(await chat.closed, undefined);
  });
}

for (const [over, makePair] of Object.entries(TRANSPORT_PAIRS)) {
  test(`frameTimeout closes the connection, and the peer learns of it, over ${over}`, async () => {
    const [left, right] = await makePair();
    const chat = new Chat(left, { ...LINES, frameTimeout: 50 });
    await right.write(bytes("half"));
    assertTimeout(await chat.read().catch((error) => error));
    await right.read().catch(() => null); // an end, or a reset
    await chat.closed;
    right.close();
  });
}

/** The timers that a frameTimeout has set. */
function ours(timers: Timers): { readonly call: () => void }[] {
  return [...timers.values()].filter(({ after }) => after === LIMIT);
}

/** Lets what has arrived be read. */
async function settle(): Promise<void> {
  for (let i = 0; i < 3; i++) await new Promise((resolve) => setImmediate(resolve));
}

/** Plays with a chat whose peer and timers the test has in its hand. */
function playTimed(
  options: Partial<Omit<ChatOptions, "encoding">>,
  play: (chat: Chat<string>, peer: Connection, timers: Timers) => Promise<void>,
): Promise<void> {
  return withTimers(async (timers) => {
    const [chat, peer] = chatPair({ frameTimeout: LIMIT, ...options });
    await play(chat, peer, timers);
    chat.close();
    peer.close();
    await settle();
    assertEquals(ours(timers), []);
  });
}

test("frameTimeout counts from the first byte of a frame, and not while none has come", () =>
  playTimed({}, async (chat, peer, timers) => {
    const reading = chat.read();
    await settle();
    assertStrictEquals(ours(timers).length, 0);
    await peer.write(bytes("h"));
    await settle();
    const [timer] = ours(timers);
    assert(timer !== undefined);
    await peer.write(bytes("al"));
    await settle();
    assertStrictEquals(ours(timers)[0], timer, "it was set anew: a byte is no frame");
    await peer.write(bytes("f\n"));
    assertStrictEquals(await reading, "half");
    assertEquals(ours(timers), []);
  }));

test("frameTimeout counts from the first byte, which may have come with the frame before", () =>
  playTimed({}, async (chat, peer, timers) => {
    await peer.write(bytes("one\nhalf"));
    assertStrictEquals(await chat.read(), "one");
    await settle();
    assertEquals(ours(timers), [], "no frame is asked for");
    const reading = chat.read();
    await settle();
    assertStrictEquals(ours(timers).length, 1);
    await peer.write(bytes("\n"));
    assertStrictEquals(await reading, "half");
  }));

test("frameTimeout lets no time pass while the program asks for no frame", () =>
  playTimed({}, async (chat, peer, timers) => {
    await peer.write(bytes("half"));
    const controller = new AbortController();
    const reading = chat.read({ signal: controller.signal });
    await settle();
    assertStrictEquals(ours(timers).length, 1);
    controller.abort();
    await reading.catch(() => {});
    assertEquals(ours(timers), []);
    const loop = chat[Symbol.asyncIterator]();
    const next = loop.next();
    await settle();
    assertStrictEquals(ours(timers).length, 1);
    await loop.return!();
    await next;
    assertEquals(ours(timers), []);
    void chat.closed; // it reads ahead, and nobody waits for a frame
    await settle();
    assertEquals(ours(timers), []);
  }));

test("frameTimeout goes on for a frame that is too long, and dribbles on", () =>
  playTimed({ maxFrameLength: 4 }, async (chat, peer, timers) => {
    await peer.write(bytes("much too long"));
    await assertRejects(() => chat.read(), FrameTooLongError);
    const reading = chat.read();
    await settle();
    assertStrictEquals(ours(timers).length, 1, "it is skipped for ever");
    await peer.write(bytes(" and longer"));
    await settle();
    assertStrictEquals(ours(timers).length, 1);
    ours(timers)[0]!.call();
    await letFire(timers);
    assertTimeout(await reading.catch((error) => error));
  }));

/** A deadline lets a turn of I/O pass: with the runtime's own timers. */
async function letFire(timers: Timers): Promise<void> {
  for (let i = 0; i < 20 && ours(timers).length > 0; i++) await settle();
}

test("frameTimeout counts for a frame with a length, and for its length", () =>
  playTimed({ terminator: lengthPrefixed({ bytes: 2 }) }, async (chat, peer, timers) => {
    const reading = chat.read();
    await peer.write(Uint8Array.of(0));
    await settle();
    const [timer] = ours(timers);
    assert(timer !== undefined);
    await peer.write(Uint8Array.of(2, 120));
    await settle();
    assertStrictEquals(ours(timers)[0], timer);
    await peer.write(bytes("y"));
    assertStrictEquals(await reading, "xy");
    assertEquals(ours(timers), []);
  }));

test("frameTimeout counts anew when a frame has come to nothing, such as a heart-beat", () => {
  const terminator: Framing = {
    *decode() {
      const line = yield delimited("\n");
      return text(line) === "beat" ? undefined : line;
    },
  };
  return playTimed({ terminator }, async (chat, peer, timers) => {
    const reading = chat.read();
    await peer.write(bytes("be"));
    await settle();
    let [timer] = ours(timers);
    assert(timer !== undefined);
    for (let i = 0; i < 5; i++) {
      await peer.write(bytes("at\nbe")); // and there is always a part of the next
      await settle();
      assertStrictEquals(ours(timers).length, 1);
      assert(ours(timers)[0] !== timer, "a whole frame is blamed");
      [timer] = ours(timers);
    }
    await peer.write(bytes("at\n"));
    await settle();
    assertEquals(ours(timers), []);
    await peer.write(bytes("frame\n"));
    assertStrictEquals(await reading, "frame");
  });
});

test("frameTimeout exempts a stream(), and not the read behind it", () =>
  playTimed({}, async (chat, peer, timers) => {
    const stream = chat.stream("\n");
    const reading = chat.read();
    await peer.write(bytes("a piece"));
    assertStrictEquals(text((await stream.next()).value), "a piece");
    const piece = stream.next();
    await settle();
    assertEquals(ours(timers), []);
    await peer.write(bytes(" and the rest\nhalf"));
    assertStrictEquals(text((await piece).value), " and the rest");
    assertStrictEquals((await stream.next()).done, true);
    await settle();
    assertStrictEquals(ours(timers).length, 1);
    await peer.write(bytes("\n"));
    assertStrictEquals(await reading, "half");
  }));

test("frameTimeout is given up when the chat is closed, detached, or discards", async () => {
  for (const end of ["close", "detach", "discardBuffers", "closeWhenDone"] as const) {
    await withTimers(async (timers) => {
      const [chat, peer] = chatPair({ frameTimeout: LIMIT });
      const reading = chat.read().catch(() => {});
      await peer.write(bytes("half"));
      await settle();
      assertStrictEquals(ours(timers).length, 1, end);
      void chat[end]();
      await settle();
      assertEquals(ours(timers), [], end);
      peer.close();
      chat.close();
      await reading;
    });
  }
});

test("frameTimeout is given up when the peer ends, or the connection breaks, in the middle of a frame", async () => {
  for (const event of [null, new ConnectionError("reset", "it broke")]) {
    await withTimers(async (timers) => {
      const { chat, connection } = scripted({ frameTimeout: LIMIT });
      const reading = chat.read().catch((error) => error);
      connection.arrive(bytes("half"));
      await ticks();
      assertStrictEquals(ours(timers).length, 1);
      connection.arrive(event);
      const error = await reading;
      if (event !== null) assertStrictEquals(error, event);
      assertEquals(ours(timers), []);
      chat.close();
    });
  }
});

test("frameTimeout of 0 takes what comes whole, and nothing else", async () => {
  const [chat, peer] = chatPair({ frameTimeout: 0 });
  await peer.write(bytes("one\ntwo\n"));
  assertEquals([await chat.read(), await chat.read()], ["one", "two"]);
  await peer.write(bytes("half"));
  assertTimeout(await chat.read().catch((error) => error));
});

const WRONG: readonly (readonly [unknown, typeof RangeError | typeof TypeError, string])[] = [
  [-1, RangeError, "frameTimeout must be 0 to 2147483647 milliseconds, or Infinity, not -1"],
  [NaN, RangeError, "frameTimeout"],
  [2 ** 31, RangeError, "frameTimeout"],
  ["5", TypeError, "frameTimeout must be a number"],
  [null, TypeError, "frameTimeout"],
];
for (const [frameTimeout, ErrorClass, message] of WRONG) {
  test(`Chat and connect() refuse a frameTimeout of ${frameTimeout}`, async () => {
    const options = { ...LINES, frameTimeout: frameTimeout as number };
    assertThrows(() => new Chat(memoryPair()[0], options), ErrorClass, message);
    await assertRejects(() => connect({ ...options, port: 1 }), ErrorClass, message);
  });
}

// A busy program

/** The limits of a chat, and how it reads so that they hold: longer than a machine takes that is busy, too. */
const LIMITS: Readonly<
  Record<string, readonly [Partial<ChatOptions>, (chat: Chat<string>) => Promise<unknown>]>
> = {
  "idleTimeout": [{ idleTimeout: 1_000 }, (chat) => chat.read()],
  "the timeout of a read": [{}, (chat) => chat.read({ timeout: 1_000 })],
};

for (const [limit, [options, read]] of Object.entries(LIMITS)) {
  test(`${limit} blames no peer that speaks while the handler of another chat is busy`, async () => {
    await using peer = await startPeerProcess("talks");
    for (let i = 0; i < 2; i++) {
      const where = { port: peer.port, ...LINES };
      const chat = await connect({ ...where, ...options as { idleTimeout?: number } });
      const other = await connect(where);
      const reading = (async () => {
        for (let i = 0; i < 15; i++) assertStrictEquals(await read(chat), "x");
      })();
      let frames = 0;
      for await (const _ of other) {
        if (++frames === 3) beBusy(1_200);
        if (frames === 6) break;
      }
      await reading;
      chat.close();
      other.close();
    }
  });
}

test("frameTimeout blames no peer that ends its frame while the handler of another chat is busy", async () => {
  // Each line comes in two parts, and what is between them is as long as the limit is not.
  const script = `let timer;
    const speak = (part, next) => {
      socket.write(part);
      timer = setTimeout(() => speak(next, part), 20);
    };
    speak("x", "\\n");
    socket.on("close", () => clearTimeout(timer));
    socket.resume();`;
  await using peer = await startPeerProcess({ script });
  const chat = await connect({ port: peer.port, ...LINES, frameTimeout: 1_000 });
  const other = await connect({ port: peer.port, ...LINES });
  const reading = (async () => {
    for (let i = 0; i < 30; i++) assertStrictEquals(await chat.read(), "x");
  })();
  let frames = 0;
  for await (const _ of other) {
    beBusy(frames % 2 === 0 ? 1_200 : 20);
    if (++frames === 4) break;
  }
  await reading;
  chat.close();
  other.close();
});

test("idleTimeout blames no peer that takes what is sent while another chat's producer is busy", async () => {
  await using peer = await startPeerProcess("reads");
  const chat = await connect({ port: peer.port, ...LINES, idleTimeout: 1_000 });
  const other = await connect({ port: peer.port, ...LINES });
  chat.push(new Uint8Array(32 * 1024 * 1024));
  const busy = function* (): Generator<string> {
    for (let i = 0; i < 3; i++) {
      beBusy(1_200);
      yield "x".repeat(70_000);
    }
  };
  other.push(busy());
  await Promise.all([chat.closeWhenDone(), other.closeWhenDone()]);
  assertEquals([await chat.closed, await other.closed], [undefined, undefined]);
});
