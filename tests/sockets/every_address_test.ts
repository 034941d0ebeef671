/** How a name with several addresses is connected to: with attempts that the tests decide, and with real sockets. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { assertEquals, assertInstanceOf, assertRejects, assertStrictEquals } from "@std/assert";
import {
  type Connection,
  ConnectionError,
  type ConnectionErrorCode,
  memoryPair,
} from "../../mod.ts";
import { connectByName, SYSTEM } from "../../src/sockets/every_address.ts";
import type { Endpoint } from "../../src/sockets/endpoint.ts";
import { Deferred } from "../../src/common/deferred.ts";
import { socketsFor } from "../../src/sockets/runtime_sockets.ts";
import { CountingSignal } from "../support/counting_signal.ts";
import { DeafListener, NO_DEAF_LISTENER } from "../support/deaf_listener.ts";
import { named } from "../support/peers.ts";
import { command, CURRENT, run } from "../support/programs.ts";
import { withTimers } from "../support/timers.ts";

const NAME = { hostname: "example.test", port: 7 };

interface Attempt {
  readonly endpoint: Endpoint;
  readonly signal: { readonly aborted: boolean };
  readonly outcome: Deferred<Connection>;
}

/** A network in which every attempt waits until the test decides, and a name with these addresses. */
class FakeNetwork {
  readonly attempts: Attempt[] = [];
  #changed = new Deferred();
  readonly #addresses: readonly string[];
  readonly #forbidden: readonly string[];

  constructor(addresses: readonly string[], forbidden: readonly string[] = []) {
    this.#addresses = addresses;
    this.#forbidden = forbidden;
  }

  connect(endpoint: Endpoint, signal?: CountingSignal): Promise<Connection> {
    return connectByName(
      (endpoint, signal) => {
        const outcome = new Deferred<Connection>();
        this.attempts.push({ endpoint, signal: signal!, outcome });
        this.#changed.resolve();
        this.#changed = new Deferred();
        return outcome.promise;
      },
      endpoint,
      signal,
      {
        lookUp: () => Promise.resolve(this.#addresses),
        mayUse: (hostname) => !this.#forbidden.includes(hostname),
      },
    );
  }

  /** The attempt of that number, which may still have to be begun. */
  async attempt(index: number): Promise<Attempt> {
    while (this.attempts.length <= index) await this.#changed.promise;
    return this.attempts[index]!;
  }
}

function refusal(of: Endpoint, code: ConnectionErrorCode = "refused"): ConnectionError {
  return new ConnectionError(code, `cannot connect to ${of.hostname}: no`);
}

/** Runs a test with a fake network and fake timers: none is left behind. */
function onNetwork(
  addresses: readonly string[],
  work: (network: FakeNetwork, passTime: () => void) => Promise<void>,
): Promise<void> {
  return withTimers(async (timers) => {
    const passTime = (): void => {
      const [[id, { call, after }]] = [...timers] as [
        [number, { call: () => void; after: number }],
      ];
      assertEquals([timers.size, after], [1, 250]);
      timers.delete(id);
      call();
    };
    await work(new FakeNetwork(addresses), passTime);
    assertStrictEquals(timers.size, 0);
  });
}

test("connect() by name takes the IP versions in turn, and the next address as soon as one fails", () =>
  onNetwork(["::1", "::2", "::3", "10.0.0.1"], async (network) => {
    const connecting = network.connect(NAME);
    for (let i = 0; i < 3; i++) {
      const { endpoint, outcome } = await network.attempt(i);
      outcome.reject(refusal(endpoint));
    }
    const [connection] = memoryPair();
    const last = await network.attempt(3);
    last.outcome.resolve(connection);
    assertStrictEquals(await connecting, connection);
    assertEquals(network.attempts.map(({ endpoint }) => endpoint), [
      { hostname: "::1", port: 7, name: "example.test" },
      { hostname: "10.0.0.1", port: 7, name: "example.test" },
      { hostname: "::2", port: 7, name: "example.test" },
      { hostname: "::3", port: 7, name: "example.test" },
    ]);
    assertStrictEquals(last.signal.aborted, false);
  }));

test("connect() by name begins with the next address while one does not answer, and drops what comes too late", () =>
  onNetwork(["::1", "10.0.0.1", "::2"], async (network, passTime) => {
    const connecting = network.connect(NAME);
    const silent = await network.attempt(0);
    passTime();
    const other = await network.attempt(1);
    const [late] = memoryPair();
    const [connection] = memoryPair();
    assertEquals([silent.signal.aborted, other.signal.aborted], [false, false]);
    other.outcome.resolve(connection);
    assertStrictEquals(await connecting, connection);
    // A signal that is aborted later might end the connection.
    assertEquals([silent.signal.aborted, other.signal.aborted], [true, false]);
    silent.outcome.resolve(late);
    await late.closed;
    assertStrictEquals(network.attempts.length, 2);
  }));

test("connect() by name lets a slow address win after all, if those behind it fail", () =>
  onNetwork(["::1", "10.0.0.1"], async (network, passTime) => {
    const connecting = network.connect(NAME);
    const slow = await network.attempt(0);
    passTime();
    const { endpoint, outcome } = await network.attempt(1);
    outcome.reject(refusal(endpoint));
    const [connection] = memoryPair();
    slow.outcome.resolve(connection);
    assertStrictEquals(await connecting, connection);
  }));

test("connect() by name tells of every address in the cause, and first of the one that tells most", async () => {
  const network = new FakeNetwork(["::1", "10.0.0.1", "::2"]);
  const connecting = network.connect(NAME);
  for (const [i, code] of (["unreachable", "timeout", "refused"] as const).entries()) {
    const { endpoint, outcome } = await network.attempt(i);
    outcome.reject(refusal(endpoint, code));
  }
  const error = await assertRejects(() => connecting, ConnectionError);
  assertStrictEquals(error.code, "timeout");
  assertStrictEquals(
    error.message,
    'cannot connect to 10.0.0.1: no; nor to ::1 ("unreachable"), ::2 ("refused")',
  );
  assertInstanceOf(error.cause, AggregateError);
  assertEquals(error.cause.errors.map(({ code }) => code), ["unreachable", "timeout", "refused"]);

  const one = new FakeNetwork(["10.0.0.1"]);
  const failing = one.connect(NAME);
  const { endpoint, outcome } = await one.attempt(0);
  const refused = refusal(endpoint);
  outcome.reject(refused);
  assertStrictEquals(await assertRejects(() => failing, ConnectionError), refused);
});

test("connect() by name ends every attempt when it is given up, and begins no other", () =>
  onNetwork(["::1", "10.0.0.1", "::2"], async (network, passTime) => {
    const signal = new CountingSignal();
    const connecting = network.connect(NAME, signal);
    const first = await network.attempt(0);
    passTime();
    const second = await network.attempt(1);
    signal.abort(new Error("enough"));
    await assertRejects(() => connecting, Error, "enough");
    assertEquals([first.signal.aborted, second.signal.aborted], [true, true]);
    first.outcome.reject(refusal(first.endpoint));
    const [late] = memoryPair();
    second.outcome.resolve(late);
    await late.closed;
    assertEquals([network.attempts.length, signal.listeners], [2, 0]);
  }));

test("connect() leaves an address, a path, and a name whose addresses may not be used to the runtime", async () => {
  const cases: [Endpoint, string[]][] = [
    [{ hostname: "10.0.0.1", port: 7 }, []],
    [{ hostname: "::1", port: 7 }, []],
    [{ hostname: "", port: 0, path: "/a.sock" }, []],
    [NAME, ["example.test"]],
    [NAME, ["::2"]],
  ];
  for (const [endpoint, forbidden] of cases) {
    const network = new FakeNetwork(["::1", "::2"], forbidden);
    const connecting = network.connect(endpoint);
    const [connection] = memoryPair();
    (await network.attempt(0)).outcome.resolve(connection);
    assertStrictEquals(await connecting, connection);
    assertEquals(network.attempts.map((attempt) => attempt.endpoint), [endpoint]);
  }
});

const hasIpv6 = Object.values(networkInterfaces()).flat().some((each) => each?.address === "::1");
const ipv6 = { skip: !hasIpv6 && "this machine has no ::1" };
const BOTH = { ...SYSTEM, lookUp: () => Promise.resolve(["::1", "127.0.0.1"]) };
const sockets = socketsFor();

for (const hostname of ["127.0.0.1", "::1"]) {
  test(
    named(`connect() by name finds the listener on ${hostname}, and none on the other`, ipv6),
    ipv6,
    async () => {
      const listener = await sockets.listen({ hostname, port: 0 });
      const { port } = listener.address;
      const where = { hostname: "example.test", port };
      const connection = await connectByName(sockets.connect, where, undefined, BOTH);
      assertStrictEquals(connection.remoteAddress?.hostname, hostname);
      (await listener.accept())!.close();
      connection.close();
      listener.close();
      await listener.closed;

      const failing = connectByName(sockets.connect, where, undefined, BOTH);
      const error = await assertRejects(() => failing, ConnectionError);
      assertStrictEquals(
        error.message,
        `cannot connect to example.test:${port} (::1): connection refused: nothing listens there; ` +
          'nor to 127.0.0.1 ("refused")',
      );
      for (const each of (error.cause as AggregateError).errors) {
        assertInstanceOf(each, ConnectionError);
        assertInstanceOf(each.cause, Error);
      }
    },
  );
}

const deaf = { skip: ipv6.skip || NO_DEAF_LISTENER };
test(named("connect() by name is not held up by an address that is deaf", deaf), deaf, async () => {
  await using deafListener = await DeafListener.start();
  const { port } = deafListener;
  const listener = await sockets.listen({ hostname: "::1", port });
  const addresses = ["127.0.0.1", "::1"];
  const connection = await connectByName(sockets.connect, at(port), undefined, {
    ...BOTH,
    lookUp: () => Promise.resolve(addresses),
  });
  assertStrictEquals(connection.remoteAddress?.hostname, "::1");
  connection.close();
  listener.close();
  await listener.closed;
});

function at(port: number): Endpoint {
  return { hostname: "example.test", port };
}

/** Runs a command where a file stands in for another: a Linux namespace of its own, which the rest does not see. */
function within(hosts: string, command: readonly string[]): string[] {
  const script = 'mount --bind "$1" /etc/hosts && shift && exec "$@"';
  const unshare = ["unshare", "--user", "--map-root-user", "--mount"];
  return [...unshare, "sh", "-c", script, "sh", hosts, ...command];
}

async function withHosts<T>(work: (hosts: string) => T): Promise<Awaited<T>> {
  const folder = mkdtempSync(join(tmpdir(), "asynchat-"));
  try {
    const hosts = join(folder, "hosts");
    writeFileSync(hosts, "::1 both.test\n127.0.0.1 both.test\n");
    return await work(hosts);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const canUnshare = await withHosts((hosts) => {
  const [name, ...args] = within(hosts, ["true"]);
  return spawnSync(name!, args).status === 0;
});
const own = { skip: ipv6.skip || !canUnshare && "no names of one's own here" };

const denied = { skip: CURRENT !== "deno" ? `${CURRENT} forbids nothing` : own.skip };
test(
  named("connect() leaves a name to Deno that may use the name alone", denied),
  denied,
  () =>
    withHosts(async (hosts) => {
      const listener = await sockets.listen({ hostname: "127.0.0.1", port: 0 });
      const port = String(listener.address.port);
      const program = command(CURRENT, "tests/programs/connects_by_name.ts", "both.test", port);
      const allowed = program.map((flag) => flag === "--allow-net" ? `${flag}=both.test` : flag);
      const { lines, stderr } = await run(within(hosts, allowed));
      listener.close();
      assertEquals(lines, ["127.0.0.1"], stderr);
    }),
);

test(
  named("connect() asks the system for every address of a name", own),
  own,
  () =>
    withHosts(async (hosts) => {
      const listeners = [];
      for (const hostname of ["127.0.0.1", "::1", "127.0.0.1"]) {
        listeners.push(await sockets.listen({ hostname, port: 0 }));
      }
      const ports = listeners.map(({ address }) => String(address.port));
      listeners.pop()!.close();
      const program = command(CURRENT, "tests/programs/connects_by_name.ts", "both.test", ...ports);
      const { lines, stderr } = await run(within(hosts, program));
      for (const listener of listeners) listener.close();
      const [v4, v6, error, ...each] = lines;
      assertEquals([v4, v6], ["127.0.0.1", "::1"], stderr);
      assertStrictEquals(error!.split(":")[0], "refused");
      // Which comes first is the system's choice.
      assertEquals(each.sort(), [
        `- refused: cannot connect to both.test:${
          ports[2]
        } (127.0.0.1): connection refused: nothing listens there`,
        `- refused: cannot connect to both.test:${
          ports[2]
        } (::1): connection refused: nothing listens there`,
      ]);
    }),
);
