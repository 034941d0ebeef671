/** How a name with several addresses is connected to. Its addresses are those that the tests say. */
import { lookup } from "node:dns/promises";
import { networkInterfaces } from "node:os";
import process from "node:process";
import { test } from "node:test";
import { assertEquals, assertInstanceOf, assertRejects, assertStrictEquals } from "@std/assert";
import { connect, type Connection, ConnectionError, listen, memoryPair } from "../../mod.ts";
import { connectByName } from "../../src/net/every_address.ts";
import type { Endpoint } from "../../src/net/endpoint.ts";
import { Deferred } from "../../src/common/deferred.ts";
import { CountingSignal } from "../support/counting_signal.ts";
import { DeafListener, NO_DEAF_LISTENER } from "../support/deaf_listener.ts";
import { named } from "../support/peers.ts";
import { ClosedPort } from "../support/closed_port.ts";
import { command, CURRENT, run } from "../support/programs.ts";
import { withTimers } from "../support/timers.ts";

const LINES = { terminator: "\n", encoding: "utf-8" } as const;
const NAME = "example.test";

/** Runs a test in which every name has these addresses. */
async function withAddresses(
  addresses: readonly string[],
  work: () => Promise<void>,
): Promise<void> {
  const { getBuiltinModule } = process;
  const dns = {
    lookup: () => Promise.resolve(addresses.map((address) => ({ address }))),
  };
  process.getBuiltinModule =
    ((name: string) =>
      name === "node:dns/promises" ? dns : getBuiltinModule(name)) as typeof getBuiltinModule;
  try {
    await work();
  } finally {
    process.getBuiltinModule = getBuiltinModule;
  }
}

const hasIpv6 = Object.values(networkInterfaces()).flat().some((each) => each?.address === "::1");
const ipv6 = { skip: !hasIpv6 && "this machine has no ::1" };

test(
  named("connect() by name tries every address, the IP versions in turn, and tells of each", ipv6),
  ipv6,
  () =>
    withAddresses(["127.0.0.1", "127.0.0.2", "127.0.0.3", "::1"], async () => {
      await using closed = await ClosedPort.hold();
      const { port } = closed;
      const connecting = connect({ hostname: NAME, port, ...LINES });
      const error = await assertRejects(
        () => connecting,
        ConnectionError,
        `${NAME}:${port} (127.0.0.1)`,
      );
      assertStrictEquals(error.code, "refused");
      assertInstanceOf(error.cause, AggregateError);
      const tried = ["127.0.0.1", "::1", "127.0.0.2", "127.0.0.3"];
      for (const [i, address] of tried.entries()) {
        const failure: ConnectionError = error.cause.errors[i];
        assertEquals([failure.code, failure.message.includes(`(${address})`)], ["refused", true]);
        assertStrictEquals(error.message.includes(address), true, error.message);
      }
      const one = connect({ hostname: "::1", port, ...LINES });
      const failure = await assertRejects(() => one, ConnectionError, `[::1]:${port}`);
      assertEquals([failure.code, failure.cause instanceof Error], ["refused", true]);
    }),
);

test(
  named("connect() by name finds what listens on one IP version alone", ipv6),
  ipv6,
  () =>
    withAddresses(["::1", "127.0.0.1"], async () => {
      for (const hostname of ["127.0.0.1", "::1"]) {
        await using listener = await listen({ hostname, port: 0, ...LINES });
        await using chat = await connect({ hostname: NAME, port: listener.address.port, ...LINES });
        assertStrictEquals(chat.remoteAddress?.hostname, hostname);
      }
    }),
);

const deaf = { skip: ipv6.skip || NO_DEAF_LISTENER };
test(
  named("connect() by name is not held up by an address that is deaf", deaf),
  deaf,
  () =>
    withAddresses(["127.0.0.1", "::1"], async () => {
      await using deafListener = await DeafListener.start();
      const { port } = deafListener;
      await using _ = await listen({ hostname: "::1", port, ...LINES });
      await using chat = await connect({ hostname: NAME, port, ...LINES });
      assertStrictEquals(chat.remoteAddress?.hostname, "::1");
    }),
);

interface Attempt {
  readonly signal: { readonly aborted: boolean };
  readonly outcome: Deferred<Connection>;
}

/** Runs a test of attempts that it decides itself, on three addresses, and with fake timers: none is left behind. */
function withAttempts(
  work: (
    connecting: Promise<Connection>,
    attempts: readonly Attempt[],
    passTime: () => void,
    signal: CountingSignal,
  ) => Promise<void>,
): Promise<void> {
  return withTimers(async (timers) => {
    const attempts: Attempt[] = [];
    const begun = new Deferred();
    const dial = (_: Endpoint, signal?: Attempt["signal"]): Promise<Connection> => {
      const outcome = new Deferred<Connection>();
      attempts.push({ signal: signal!, outcome });
      begun.resolve();
      return outcome.promise;
    };
    const signal = new CountingSignal();
    const connecting = connectByName(dial, { hostname: NAME, port: 7 }, signal, {
      lookUp: () => Promise.resolve(["::1", "10.0.0.1", "::2"]),
      mayUse: () => true,
    });
    await begun.promise;
    const passTime = (): void => {
      const [[id, { call, after }]] = [...timers] as [
        [number, { call: () => void; after: number }],
      ];
      assertEquals([timers.size, after], [1, 250]);
      timers.delete(id);
      call();
    };
    await work(connecting, attempts, passTime, signal);
    assertEquals([timers.size, signal.listeners], [0, 0]);
  });
}

test("connect() by name begins with the next address while one does not answer, and drops what comes too late", () =>
  withAttempts(async (connecting, attempts, passTime) => {
    passTime();
    const [silent, other] = attempts;
    const [late] = memoryPair();
    const [connection] = memoryPair();
    assertEquals(attempts.map(({ signal }) => signal.aborted), [false, false]);
    other!.outcome.resolve(connection);
    assertStrictEquals(await connecting, connection);
    // A signal that is aborted later might end the connection.
    assertEquals(attempts.map(({ signal }) => signal.aborted), [true, false]);
    silent!.outcome.resolve(late);
    await late.closed;
    assertStrictEquals(attempts.length, 2);
  }));

test("connect() by name ends every attempt when it is given up, and begins no other", () =>
  withAttempts(async (connecting, attempts, passTime, signal) => {
    passTime();
    const [first, second] = attempts;
    signal.abort(new Error("enough"));
    await assertRejects(() => connecting, Error, "enough");
    assertEquals(attempts.map((attempt) => attempt.signal.aborted), [true, true]);
    first!.outcome.reject(new ConnectionError("refused", "no"));
    const [late] = memoryPair();
    second!.outcome.resolve(late);
    await late.closed;
    assertStrictEquals(attempts.length, 2);
  }));

test("connect() finds what listens on any one of the addresses that the system has for a name", async () => {
  for (const { address: hostname } of await lookup("localhost", { all: true })) {
    await using listener = await listen({ hostname, port: 0, ...LINES });
    const { port } = listener.address;
    await using chat = await connect({ hostname: "localhost", port, ...LINES });
    assertStrictEquals(chat.remoteAddress?.hostname, hostname);
  }
});

const denied = { skip: CURRENT !== "deno" && `${CURRENT} forbids nothing` };
test(
  named("connect() leaves a name to Deno that may use the name alone", denied),
  denied,
  async () => {
    await using listener = await listen({ port: 0, ...LINES });
    const port = String(listener.address.port);
    const program = command(CURRENT, "tests/programs/connects_by_name.ts", "localhost", port)
      .map((flag) => flag === "--allow-net" ? `${flag}=localhost` : flag);
    const { lines, stderr } = await run(program);
    assertEquals(lines, ["127.0.0.1"], stderr);
  },
);
