/** What every connection must guarantee, as tests: each adapter is held to them. */
import { test } from "node:test";
import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { ClosedError, type Connection } from "../../mod.ts";
import { bytes, concat, text } from "./bytes.ts";

/** Makes two connections with each other. */
export type MakePair = () => Promise<[Connection, Connection]>;

const MEGABYTE = 1024 * 1024;

/** Reads to the end. */
export async function readAll(connection: Connection): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for (let chunk = await connection.read(); chunk; chunk = await connection.read()) {
    chunks.push(chunk);
  }
  return concat(chunks);
}

/** Bytes in which no two stretches are alike, so that what is lost, doubled or out of order is seen. */
export function countingBytes(length: number): Uint8Array {
  const words = new Uint32Array(Math.ceil(length / 4)).map((_, i) => i);
  return new Uint8Array(words.buffer, 0, length);
}

async function readExactly(connection: Connection, length: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for (let missing = length; missing > 0;) {
    const chunk = await connection.read();
    assert(chunk !== null, "the stream ended early");
    missing -= chunk.length;
    chunks.push(chunk);
  }
  return concat(chunks);
}

/** Registers the tests for one kind of connection; `skip` says which are known to fail here, and why. */
export function checkConnection(
  name: string,
  makePair: MakePair,
  skip: Readonly<Record<string, string>> = {},
): void {
  const check = (
    what: string,
    body: (left: Connection, right: Connection) => Promise<void>,
  ): void => {
    const reason = skip[what];
    const title = reason === undefined ? what : `${what} (${reason})`;
    test(`${name} ${title}`, { skip: reason !== undefined }, async () => {
      const [left, right] = await makePair();
      try {
        await body(left, right);
      } finally {
        left.close();
        right.close();
        await Promise.all([left.closed, right.closed]);
      }
    });
  };

  check(
    "delivers bytes in order, each once, when they are written in all sizes",
    async (left, right) => {
      const data = countingBytes(4 * MEGABYTE + 3);
      const received = readAll(right);
      for (let at = 0, size = 0; at < data.length; at += size, size = size * 3 + 1) {
        await left.write(data.subarray(at, at + size));
      }
      await left.closeWrite();
      assertEquals(await received, data);
    },
  );

  check("sends nothing when an empty array is written", async (left, right) => {
    await left.write(new Uint8Array(0));
    await left.write(bytes("x"));
    assertEquals(await right.read(), bytes("x"));
  });

  check(
    "has taken all of a write that has resolved, so that the buffer can be reused",
    async (left, right) => {
      const buffer = new Uint8Array(MEGABYTE);
      const received = readExactly(right, 4 * MEGABYTE);
      for (const value of [1, 2, 3, 4]) await left.write(buffer.fill(value));
      buffer.fill(9);
      const all = await received;
      for (const value of [1, 2, 3, 4]) {
        assert(
          all.subarray((value - 1) * MEGABYTE, value * MEGABYTE).every((byte) => byte === value),
        );
      }
    },
  );

  check("hands out chunks that it never writes into again", async (left, right) => {
    const kept: { chunk: Uint8Array; copy: Uint8Array }[] = [];
    for (let i = 0; i < 200; i++) {
      await left.write(bytes(`message ${i}`));
      const chunk = (await right.read())!;
      kept.push({ chunk, copy: chunk.slice() });
    }
    for (const { chunk, copy } of kept) assertEquals(chunk, copy);
  });

  check(
    "makes the writer wait while the reader does not ask, and reads on in the other direction",
    async (left, right) => {
      const data = countingBytes(64 * MEGABYTE);
      let written = false;
      const writing = left.write(data).then(() => written = true);
      for (let i = 0; i < 20; i++) {
        await right.write(bytes(`reply ${i}`));
        assertEquals(text((await left.read())!), `reply ${i}`);
      }
      assertStrictEquals(written, false);
      assertEquals(await readExactly(right, data.length), data);
      await writing;
    },
  );

  check(
    "tells the end to the peer after closeWrite(), again and again, and reads on",
    async (left, right) => {
      await left.write(bytes("question"));
      await left.closeWrite();
      assertEquals(await readAll(right), bytes("question"));
      assertStrictEquals(await right.read(), null);
      assertStrictEquals(await right.read(), null);
      await right.write(bytes("answer"));
      await right.closeWrite();
      assertEquals(await readAll(left), bytes("answer"));
      assertStrictEquals(await left.read(), null);
    },
  );

  check("is closed by itself when both directions have ended", async (left, right) => {
    await Promise.all([left.closeWrite(), right.closeWrite()]);
    assertStrictEquals(await left.read(), null);
    assertStrictEquals(await right.read(), null);
    await Promise.all([left.closed, right.closed]);
  });

  check("is closed by itself when it ends its direction after the peer", async (left, right) => {
    await right.closeWrite();
    assertStrictEquals(await left.read(), null);
    await left.closeWrite();
    assertStrictEquals(await right.read(), null);
    await Promise.all([left.closed, right.closed]);
  });

  check("gives a read what arrives after it was asked for", async (left, right) => {
    const reading = right.read();
    await left.write(bytes("late"));
    assertEquals(await reading, bytes("late"));
  });

  check(
    "rejects a waiting read with ClosedError and the reason when it is closed",
    async (left) => {
      const reason = new Error("enough");
      const reading = left.read();
      left.close(reason);
      const error = await assertRejects(() => reading, ClosedError);
      assertStrictEquals(error.cause, reason);
    },
  );

  check("rejects a waiting write with ClosedError when it is closed", async (left) => {
    const writing = left.write(new Uint8Array(64 * MEGABYTE));
    left.close();
    await assertRejects(() => writing, ClosedError);
  });

  check(
    "rejects everything with ClosedError after close(), which can be repeated",
    async (left) => {
      left.close();
      left.close(new Error("again"));
      await left.closed;
      left.close();
      await assertRejects(() => left.read(), ClosedError);
      await assertRejects(() => left.write(bytes("x")), ClosedError);
      await assertRejects(() => left.closeWrite(), ClosedError);
    },
  );

  check(
    "hands out what the peer sent before it closed, and the end after it",
    async (left, right) => {
      await left.write(bytes("last words"));
      left.close();
      assertEquals(await readAll(right), bytes("last words"));
    },
  );

  check("ends the peer's reading when it is closed while the peer waits", async (left, right) => {
    const reading = right.read();
    left.close();
    assertStrictEquals(await reading, null);
  });

  check("goes on writing after the peer has ended its direction", async (left, right) => {
    await right.closeWrite();
    assertStrictEquals(await left.read(), null);
    const data = countingBytes(4 * MEGABYTE);
    const received = readAll(right);
    await left.write(data);
    await left.closeWrite();
    assertEquals(await received, data);
  });
}
