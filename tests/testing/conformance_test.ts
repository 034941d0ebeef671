import { test } from "node:test";
import { assertEquals, assertRejects, assertStrictEquals, assertStringIncludes } from "@std/assert";
import { type Connection, memoryPair } from "../../mod.ts";
import { checkConnection, ConformanceError, CONNECTION_CHECKS } from "../../src/testing/mod.ts";
import { WrappedConnection } from "../../src/connection/wrapped_connection.ts";
import { withTimers } from "../support/timers.ts";
import { nextTurn } from "../support/turn.ts";

test("checkConnection() passes a connection that keeps the guarantees", async () => {
  let pairs = 0;
  await checkConnection(() => {
    pairs++;
    return memoryPair();
  });
  assertStrictEquals(pairs, CONNECTION_CHECKS.length);
});

/** Connections that break one guarantee each, and what is said of them. */
const BROKEN: Record<string, [wrap: (connection: Connection) => Connection, said: string]> = {
  "loses a byte of large writes": [
    (connection) =>
      new class extends WrappedConnection {
        override write(data: Uint8Array): Promise<void> {
          return super.write(data.length > 9 ? data.subarray(1) : data);
        }
      }(connection),
    "delivers bytes in order",
  ],
  "writes into chunks that it has handed out": [
    (connection) =>
      new class extends WrappedConnection {
        readonly #buffer = new Uint8Array(1024 * 1024 * 64);
        override async read(): Promise<Uint8Array | null> {
          const chunk = await super.read();
          if (chunk === null) return null;
          this.#buffer.set(chunk);
          return this.#buffer.subarray(0, chunk.length);
        }
      }(connection),
    "delivers bytes in order",
  ],
  "resolves a write before anything is taken": [
    (connection) =>
      new class extends WrappedConnection {
        override write(data: Uint8Array): Promise<void> {
          super.write(data).catch(() => {});
          return Promise.resolve();
        }
      }(connection),
    "makes the writer wait",
  ],
  "resolves a write late, though nothing is taken": [
    (connection) =>
      new class extends WrappedConnection {
        override async write(data: Uint8Array): Promise<void> {
          super.write(data).catch(() => {});
          await nextTurn();
        }
      }(connection),
    "makes the writer wait",
  ],
  "ends both directions at once": [
    (connection) =>
      new class extends WrappedConnection {
        override closeWrite(): Promise<void> {
          this.close();
          return Promise.resolve();
        }
      }(connection),
    "reads on",
  ],
  "says that everything was sent": [
    (connection) =>
      new class extends WrappedConnection {
        override write(data: Uint8Array): Promise<void> {
          return super.write(data).catch((error) => {
            if (error.code !== "reset") throw error;
          });
        }
      }(connection),
    "the peer is closed",
  ],
  "has words of its own for what went wrong": [
    (connection) =>
      new class extends WrappedConnection {
        override write(data: Uint8Array): Promise<void> {
          return super.write(data).catch((error) => {
            throw error.code === "reset" ? new Error("EPIPE") : error;
          });
        }
      }(connection),
    "EPIPE",
  ],
  "forgets why it was closed": [
    (connection) =>
      new class extends WrappedConnection {
        override close(): void {
          super.close();
        }
      }(connection),
    "the reason",
  ],
};

test("checkConnection() names the guarantee that a connection does not keep", async () => {
  for (const [name, [wrap, said]] of Object.entries(BROKEN)) {
    const error = await assertRejects(
      () => checkConnection(() => memoryPair().map(wrap) as [Connection, Connection]),
      ConformanceError,
      "",
      name,
    );
    assertStringIncludes(error.message, said, name);
    assertStrictEquals(error.code, "conformance");
  }
});

test("checkConnection() passes a connection whose writes resolve late, until they wait", async () => {
  class Late extends WrappedConnection {
    override async write(data: Uint8Array): Promise<void> {
      for (let turn = 0; turn < 3; turn++) await nextTurn();
      await super.write(data);
    }
  }
  const { run } = CONNECTION_CHECKS.find(({ name }) => name.startsWith("makes the writer wait"))!;
  const [left, right] = memoryPair();
  await run(() => [new Late(left), new Late(right)]);
});

test("checkConnection() names the guarantee that a connection is waited for in vain to keep", async () => {
  await withTimers(async (timers) => {
    class Silent extends WrappedConnection {
      override read(): Promise<never> {
        return new Promise(() => {});
      }
    }
    const makePair = (): [Connection, Connection] => {
      const [left, right] = memoryPair();
      return [new Silent(left), new Silent(right)];
    };
    const checking = assertRejects(() => checkConnection(makePair), ConformanceError, "60000 ms");
    assertEquals([...timers.values()].map(({ after }) => after), [60_000]);
    timers.values().next().value!.call();
    const { message } = await checking;
    assertStringIncludes(message, CONNECTION_CHECKS[0]!.name);
  });
});

test("CONNECTION_CHECKS have names that tell them apart", () => {
  const names = CONNECTION_CHECKS.map(({ name }) => name);
  assertEquals(new Set(names).size, names.length);
});
