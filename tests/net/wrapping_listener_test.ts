import { test } from "node:test";
import { assertRejects, assertStrictEquals } from "@std/assert";
import { type Connection, type ConnectionListener, Listener, memoryPair } from "../../mod.ts";
import { Deferred } from "../../src/common/deferred.ts";
import { nextTurn } from "../support/turn.ts";

/** A listener that gives what it is told to. */
class GivingListener implements ConnectionListener {
  readonly address = { transport: "tcp", hostname: "127.0.0.1", port: 1 } as const;
  readonly #closed = new Deferred();
  readonly #waiting: Deferred<Connection | null>[] = [];

  get closed(): Promise<void> {
    return this.#closed.promise;
  }

  accept(): Promise<Connection | null> {
    const accepting = new Deferred<Connection | null>();
    this.#waiting.push(accepting);
    return accepting.promise;
  }

  close(): void {
    this.#closed.resolve();
    for (const each of this.#waiting.splice(0)) each.resolve(null);
  }

  /** Gives a connection to who asks next. */
  async give(connection: Connection): Promise<void> {
    while (this.#waiting.length === 0) await nextTurn();
    this.#waiting.shift()!.resolve(connection);
  }
}

test("Listener.accept() that waits is answered though wrap has thrown for one before it", async () => {
  const giving = new GivingListener();
  let wrapped = 0;
  const listener = new Listener(giving, {
    terminator: "\n",
    wrap(connection) {
      if (wrapped++ === 0) throw new Error("not this one");
      return connection;
    },
  });
  const refused = listener.accept();
  const accepted = listener.accept();
  refused.catch(() => {});
  const [good] = memoryPair();
  await giving.give(memoryPair()[0]);
  await giving.give(good);
  await assertRejects(() => refused, Error, "not this one");
  assertStrictEquals((await accepted)!.detach().connection, good);
  await listener.close();
});

test("Listener closes a connection that comes as it is closed, and does not wrap it", async () => {
  const giving = new GivingListener();
  let wrapped = 0;
  const wrap = (): Promise<Connection> => (wrapped++, new Promise(() => {}));
  const listener = new Listener(giving, { terminator: "\n", wrap });
  await nextTurn(); // it waits for the next connection
  const [late] = memoryPair();
  void giving.give(late); // and is told of it only after this
  const closing = listener.close();
  await late.closed;
  assertStrictEquals(wrapped, 0);
  await closing;
});
