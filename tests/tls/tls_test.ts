/** TLS: `connect({ tls })` and `listen({ tls })`, with the sockets of the runtime that the tests run on. */
import { spawn, spawnSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect as connectSocket, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { connect as connectTls, createServer as createTlsServer } from "node:tls";
import { test } from "node:test";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
} from "@std/assert";
import {
  type Chat,
  connect,
  type Connection,
  ConnectionError,
  type ConnectionListener,
  type ConnectOptions,
  listen,
  Listener,
  memoryPair,
  serve,
  type Wrap,
} from "../../mod.ts";
import { WrappingListener } from "../../src/net/wrapping_listener.ts";
import { Deferred } from "../../src/common/deferred.ts";
import { ClientConnection } from "../../src/tls/client_connection.ts";
import { tls as wrapBy, type TlsClientOptions, type TlsServerOptions } from "../../src/tls/mod.ts";
import { WrappedConnection } from "../../src/connection/wrapped_connection.ts";
import { bytes } from "../support/bytes.ts";
import { Authority, type Certificate } from "../support/certificates.ts";
import { checkConnection } from "../support/connection_checks.ts";
import { CuttingProxy } from "../support/cutting_proxy.ts";
import { named, needs } from "../support/peers.ts";
import { CURRENT } from "../support/programs.ts";
import { tcpPair } from "../support/tcp_pair.ts";
import { nextTurn } from "../support/turn.ts";

const LINES = { terminator: "\n", encoding: "utf-8" } as const;

const authority = new Authority();
const { ca } = authority;
const own = authority.sign("DNS:localhost,IP:127.0.0.1");

checkConnection("a connection over TLS", async () => {
  const [left, right] = await tcpPair();
  return await Promise.all([
    wrapBy({ ca })(left, { hostname: "localhost", isServer: false }),
    wrapBy(own)(right, { isServer: true }),
  ]);
});

const noEnd = "Bun's node:tls sends nothing after the peer's end";
checkConnection("a connection over TLS over another that is no socket", async () => {
  const [left, right] = await tcpPair();
  return await Promise.all([
    wrapBy({ ca })(new WrappedConnection(left), { hostname: "localhost", isServer: false }),
    wrapBy(own)(new WrappedConnection(right), { isServer: true }),
  ]);
}, {
  skip: CURRENT === "bun"
    ? { "tells the end to the peer": noEnd, "goes on writing after the peer": noEnd }
    : {},
});

/** A server that answers each line, and whoever it tells of failed handshakes. */
async function withServer(
  tls: TlsServerOptions,
  work: (port: number, failures: Error[]) => Promise<void>,
): Promise<void> {
  const failures: Error[] = [];
  const options = { port: 0, tls, onError: (error: unknown) => failures.push(error as Error) };
  const server = await serve({ ...options, ...LINES }, async (chat) => {
    for await (const line of chat) await chat.send(`${line}, too`);
  });
  try {
    await work(server.address.port, failures);
  } finally {
    await server.shutdown({ grace: 0 });
  }
}

async function assertTalks(options: Omit<ConnectOptions, "terminator">): Promise<void> {
  const client = await connect({ ...options, ...LINES });
  await client.send("hello");
  assertStrictEquals(await client.read(), "hello, too");
  await client.closeWhenDone();
}

test("connect() and listen() hold a conversation over TLS, by name and by address", () =>
  withServer(own, async (port, failures) => {
    await assertTalks({ hostname: "localhost", port, tls: { ca } });
    await assertTalks({ port, tls: { ca } });
    await assertTalks({ port, tls: { ca: [new Authority("another").ca, ca] } });
    await assertTalks({ port, tls: { ca, servername: "localhost" } });
    assertEquals(failures, []);
  }));

test("connect() and listen() speak TLS over a Unix socket", {
  skip: process.platform === "win32" && "Windows has named pipes instead",
}, async () => {
  const folder = mkdtempSync(join(tmpdir(), "asynchat-"));
  const path = join(folder, "a.sock");
  const server = await serve({ path, tls: own, ...LINES }, async (chat) => {
    for await (const line of chat) await chat.send(`${line}, too`);
  });
  await assertTalks({ path, tls: { ca, servername: "localhost" } });
  const nameless = () => connect({ path, tls: { ca }, ...LINES });
  await assertRejects(nameless, TypeError, "tls.servername");
  await server.shutdown();
  rmSync(folder, { recursive: true });
});

test("chat.tls tells the protocol that was chosen, and the peer's certificate", async () => {
  const visitor = authority.sign("DNS:visitor.example");
  const tls = { ...own, ca, requestCert: true, alpn: ["b", "a"] };
  await using listener = await listen({ port: 0, tls, ...LINES });
  const { port } = listener.address;
  const [client, server] = await Promise.all([
    connect({ port, tls: { ca, ...visitor, alpn: ["a", "c"] }, ...LINES }),
    listener.accept(),
  ]);
  assertEquals([client.tls!.alpn, server!.tls!.alpn], ["a", "a"]);
  const nameOf = (chat: Chat<string>): string | undefined =>
    new X509Certificate(chat.tls!.peerCertificate!).subjectAltName;
  assertEquals(nameOf(client), "DNS:localhost, IP Address:127.0.0.1");
  assertEquals(nameOf(server!), "DNS:visitor.example");
  await Promise.all([client.closeWhenDone(), server!.closeWhenDone()]);

  const [none] = await Promise.all([
    connect({ port, tls: { ca, ...visitor }, ...LINES }),
    listener.accept(),
  ]);
  assertStrictEquals(none.tls!.alpn, undefined);
  none.close();
  await using plain = await listen({ port: 0, ...LINES });
  const other = await connect({ port: plain.address.port, ...LINES });
  assertStrictEquals(other.tls, undefined);
  other.close();
});

async function failureOf(port: number, tls: true | TlsClientOptions): Promise<string> {
  const connecting = () => connect({ port, tls, hostname: "localhost", ...LINES });
  const error = await assertRejects(connecting, ConnectionError, `:${port}: `);
  assertStrictEquals(error.code, "tls");
  assert(error.cause instanceof Error);
  return wordsOf(error);
}

/** What the error says, and what can be done. */
function wordsOf({ message, hint }: Error & { readonly hint?: string | undefined }): string {
  return hint === undefined ? message : `${message}: ${hint}`;
}

test("connect() refuses a certificate that is not in order, unless it is told to take it", async () => {
  const named = authority.sign("DNS:other.example,DNS:third.example");
  const wrong: readonly [Certificate, true | TlsClientOptions, said: string][] = [
    [named, { ca }, "for other.example, third.example, not localhost"],
    [authority.sign("DNS:localhost", -1), { ca }, "has expired"],
    [own, true, "tls.ca"],
    [own, { ca: new Authority("another").ca }, "tls.ca"],
  ];
  for (const [certificate, tls, said] of wrong) {
    await withServer(certificate, async (port) => {
      assertStringIncludes(await failureOf(port, tls), said);
      const options = tls === true ? {} : tls;
      await assertTalks({ port, tls: { ...options, rejectUnauthorized: false } });
    });
  }
  await withServer(
    named,
    (port) => assertTalks({ port, tls: { ca, servername: "third.example" } }),
  );
  const tls = { rejectUnauthorized: false, servername: "other.example" };
  await withServer(own, (port) => assertTalks({ port, tls })); // nor trusted, nor for that name
});

/** A server without TLS that does this with each connection. */
async function withPlainServer(
  meet: (socket: Socket) => void,
  work: (port: number) => Promise<void>,
): Promise<void> {
  const server = createServer((socket) => {
    socket.on("error", () => {});
    meet(socket);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  try {
    await work((server.address() as AddressInfo).port);
  } finally {
    server.close();
  }
}

test("connect() says what is wrong when the peer speaks no TLS, or another, in words, and not in OpenSSL's", async () => {
  const answering = (answer: (hello: Uint8Array) => Uint8Array) => (socket: Socket): void => {
    socket.once("data", (hello) => socket.write(answer(hello)));
  };
  const alert = [0x15, 3, 3, 0, 2, 2]; // and what it is: handshake_failure, protocol_version
  const met: readonly [(socket: Socket) => void, RegExp][] = [
    [(socket) => socket.write("220 hello\r\n"), /: the peer sent something that is not TLS/],
    [(socket) => socket.end(), /speaks no TLS there/],
    // It does so, too, if it ends and has not read all.
    [(s) => s.once("data", () => s.resetAndDestroy()), /speaks no TLS there/],
    [answering(() => Uint8Array.of(...alert, 40)), /: [^:]*handshake ?failure[^:]*$/i],
    [answering(() => Uint8Array.of(...alert, 70)), /: [^:]*protocol ?version[^:]*$/i],
    [answering(() => Uint8Array.of(...alert, 80)), /: [^:]*internal ?error[^:]*$/i],
    // "packet length too long" of Node 20, and "data length too long" of Node 22.
    [answering(() => Uint8Array.of(0x16, 3, 3, 0xff, 0xff, ...Array(70_000).fill(0))), /not TLS/],
    [answering((hello) => hello), /: [^:]*$/],
  ];
  for (const [meet, said] of met) {
    await withPlainServer(
      meet,
      async (port) => assertMatch(await failureOf(port, { ca }), said),
    );
  }
});

/** Reads to the end, whatever that is. */
async function ended(socket: Socket): Promise<void> {
  socket.resume();
  if (!socket.closed) await new Promise<void>((resolve) => socket.once("close", () => resolve()));
}

test("connect() gives up when the peer does not answer the handshake, and closes the connection", () => {
  const sockets: Socket[] = [];
  return withPlainServer((socket) => sockets.push(socket), async (port) => {
    const codeOf = async (options: object): Promise<string> =>
      (await assertRejects(() => connect({ port, ...LINES, ...options }), ConnectionError)).code;
    assertStrictEquals(await codeOf({ tls: { ca, handshakeTimeout: 50 } }), "timeout");
    assertStrictEquals(await codeOf({ tls: { ca }, timeout: 50 }), "timeout");
    const signal = AbortSignal.timeout(50);
    const connecting = connect({ port, tls: { ca }, signal, ...LINES });
    assertStrictEquals(await connecting.catch((reason: unknown) => reason), signal.reason);
    for (const socket of sockets) await ended(socket);
  });
});

test("listen() asks for a client's certificate, and both sides say what is wrong with it", async () => {
  const stranger = new Authority("another").sign("DNS:stranger.example");
  await withServer({ ...own, ca, requestCert: true }, async (port, failures) => {
    const visitor = { ca, ...authority.sign("DNS:visitor.example") };
    await assertTalks({ port, tls: visitor });
    const wrong: readonly [TlsClientOptions, server: string, client: RegExp][] = [
      [{ ca }, "the client has none", /client has none|may ask for a certificate/],
      [
        { ca, ...stranger },
        "has signed the client's certificate",
        /refuses?.* certificate of this/,
      ],
      [{ ca, ...authority.sign("DNS:a", -1) }, "client's certificate has expired", /refuse/],
    ];
    for (const [tls, said, heard] of wrong) {
      failures.length = 0;
      // A client takes its handshake for done before the server has refused it.
      const client = await connect({ port, tls, ...LINES });
      const error = await assertRejects(() => client.read(), ConnectionError);
      assertStrictEquals(error.code, "tls");
      assertMatch(error.message, heard);
      assertStrictEquals(await client.closed, error);
      assertEquals(failures.map((each) => (each as ConnectionError).code), ["tls"]);
      assertStringIncludes(failures[0]!.message, said);
    }
    await assertTalks({ port, tls: visitor });
  });
});

test("a client says of a reset that it is one, once the server has sent something", async () => {
  class Resetting extends WrappedConnection {
    override read(): Promise<Uint8Array | null> {
      const sent = words.shift();
      if (sent !== undefined) return Promise.resolve(bytes(sent));
      return Promise.reject(new ConnectionError("reset", "it was reset"));
    }
  }
  const words = ["hello"];
  const heard = new ClientConnection(new Resetting(memoryPair()[0]), true);
  assertEquals(await heard.read(), bytes("hello"));
  assertStrictEquals((await assertRejects(() => heard.read(), ConnectionError)).code, "reset");
  const unheard = new ClientConnection(new Resetting(memoryPair()[0]), true);
  assertStrictEquals((await assertRejects(() => unheard.read(), ConnectionError)).code, "tls");
  const bare = new ClientConnection(new Resetting(memoryPair()[0]), false);
  assertStrictEquals((await assertRejects(() => bare.read(), ConnectionError)).code, "reset");
});

test("connect() and listen() wrap by an asynchronous wrap, which is told the side and the host name", async () => {
  const told: Record<"client" | "server", unknown[]> = { client: [], server: [] };
  const wrap: Wrap = async (connection, to) => {
    told[to.isServer ? "server" : "client"].push(to);
    await nextTurn();
    return new WrappedConnection(connection);
  };
  await using listener = await listen({ port: 0, wrap, ...LINES });
  const { port } = listener.address;
  const client = await connect({ hostname: "localhost", port, wrap, ...LINES });
  const server = (await listener.accept())!;
  await client.send("hello");
  assertStrictEquals(await server.read(), "hello");
  await Promise.all([client.closeWhenDone(), server.closeWhenDone()]);
  // With tls, TLS comes first.
  const over: Wrap = (connection, to) => {
    assert(connection.tls !== undefined);
    return wrap(connection, to);
  };
  await withServer(own, async (port) => {
    await assertTalks({ hostname: "localhost", port, tls: { ca }, wrap: over });
    await assertTalks({ port, wrap: wrapBy({ ca }) });
  });
  const asClient = { hostname: "localhost", isServer: false };
  assertEquals(told, { client: [asClient, asClient], server: [{ isServer: true }] });
});

test("connect() closes the connection when its wrap rejects, or takes longer than the timeout", async () => {
  let ends = 0;
  await using server = await serve({ port: 0, ...LINES }, async (chat) => {
    await chat.read().catch(() => {});
    ends++;
  });
  const { port } = server.address;
  const reject: Wrap = () => Promise.reject(new Error("no"));
  await assertRejects(() => connect({ port, wrap: reject, ...LINES }), Error, "no");
  const hang: Wrap = () => new Promise(() => {});
  const hanging = () => connect({ port, wrap: hang, timeout: 20, ...LINES });
  assertStrictEquals((await assertRejects(hanging, ConnectionError)).code, "timeout");
  const none = (() => Promise.resolve(undefined)) as unknown as Wrap;
  await assertRejects(() => connect({ port, wrap: none, ...LINES }), TypeError, "Connection");
  while (server.connections > 0) await nextTurn();
  assertStrictEquals(ends, 3);
});

test("listen() hands out those whose wrap is ready, tells onError of those that fail, and closes them", async () => {
  const failures: unknown[] = [];
  const first = new Deferred<Connection>();
  let wrapped = 0;
  const wrap: Wrap = (connection) => {
    if (wrapped++ === 0) return first.promise; // never ready
    return wrapped === 2 ? Promise.reject(new Error("refused")) : Promise.resolve(connection);
  };
  const onError = (error: unknown): void => void failures.push(error);
  const listener = await listen({ port: 0, wrap, onError, ...LINES });
  const { port } = listener.address;
  const slow = await connect({ port, ...LINES });
  const refused = await connect({ port, ...LINES });
  assertEquals(await refused.read().catch(() => null), null);
  const quick = await connect({ port, ...LINES });
  const server = (await listener.accept())!;
  await quick.send("hello");
  assertStrictEquals(await server.read(), "hello");
  assertEquals(failures.map((error) => (error as Error).message), ["refused"]);
  const accepting = listener.accept();
  await listener.close();
  assertStrictEquals(await accepting, null);
  assertEquals(await slow.read().catch(() => null), null);
  for (const chat of [slow, refused, quick, server]) chat.close();
});

test("new Listener() hands out what its listener brought before it ended, though it is wrapped", async () => {
  let left = 2;
  const ended = new Deferred();
  const ownListener: ConnectionListener = {
    address: { transport: "tcp", hostname: "127.0.0.1", port: 1 },
    accept: () => Promise.resolve(left-- > 0 ? memoryPair()[0] : null),
    close: ended.resolve,
    closed: ended.promise,
  };
  const listener = new Listener(ownListener, { wrap: (each) => Promise.resolve(each), ...LINES });
  for (let i = 0; i < 5; i++) await nextTurn();
  const chats = [await listener.accept(), await listener.accept()];
  assertStrictEquals(await listener.accept(), null);
  for (const chat of chats) chat!.close();
  await listener.close();
});

test("minVersion refuses a peer that speaks older versions only, on either side", async () => {
  const modern = { ...own, minVersion: "TLSv1.3" } as const;
  await withServer(modern, async (port, failures) => {
    await assertTalks({ port, tls: { ca, minVersion: "TLSv1.3" } });
    const old = connectTls({ port, host: "127.0.0.1", ca, maxVersion: "TLSv1.2" });
    await assertRejects(() => once(old, "secureConnect"), Error);
    while (failures.length === 0) await nextTurn();
    assertStrictEquals((failures[0] as ConnectionError).code, "tls");
  });
  const old = createTlsServer({ ...own, maxVersion: "TLSv1.2" }, (socket) => socket.end("hello\n"));
  old.on("tlsClientError", () => {});
  await once(old.listen(0, "127.0.0.1"), "listening");
  const { port } = old.address() as AddressInfo;
  await failureOf(port, { ca, minVersion: "TLSv1.3" });
  const client = await connect({ port, tls: { ca, minVersion: "TLSv1.2" }, ...LINES });
  assertStrictEquals(await client.read(), "hello");
  client.close();
  await client.closed;
  old.close();
});

test("listen() asks a function for the certificates of each new connection", async () => {
  let current: TlsServerOptions = own;
  let asked = 0;
  await using listener = await listen({ port: 0, tls: () => (asked++, current), ...LINES });
  const { port } = listener.address;
  const namesOf = async (name: string): Promise<string | undefined> => {
    const options = { hostname: "localhost", port, tls: { ca, servername: name }, ...LINES };
    const [client, server] = await Promise.all([connect(options), listener.accept()]);
    await client.send("hello");
    assertStrictEquals(await server!.read(), "hello");
    const names = new X509Certificate(client.tls!.peerCertificate!).subjectAltName;
    await Promise.all([client.closeWhenDone(), server!.closeWhenDone()]);
    return names;
  };
  assertStrictEquals(await namesOf("localhost"), "DNS:localhost, IP Address:127.0.0.1");
  current = authority.sign("DNS:new.example");
  assertStrictEquals(await namesOf("new.example"), "DNS:new.example");
  assertStrictEquals(asked, 3); // when it begins, and for each connection
});

test("listen() closes the connection, and goes on, when that function gives options that are none", async () => {
  let current: TlsServerOptions = own;
  const failures: unknown[] = [];
  const server = await serve({
    port: 0,
    tls: () => current,
    onError: (error) => failures.push(error),
    ...LINES,
  }, async (chat) => {
    for await (const line of chat) await chat.send(`${line}, too`);
  });
  const { port } = server.address;
  current = {};
  await assertRejects(() => connect({ port, tls: { ca }, ...LINES }), ConnectionError);
  current = own;
  await assertTalks({ port, tls: { ca } });
  assertEquals(failures.map((error) => error instanceof TypeError), [true]);
  await server.shutdown();
  const broken = (): TlsServerOptions => ({});
  await assertRejects(() => listen({ port: 0, tls: broken, ...LINES }), TypeError, "tls.cert");
});

test("connect() and listen() find no protocol in common by ALPN", () =>
  withServer({ ...own, alpn: ["a"] }, async (port, failures) => {
    assertStringIncludes(await failureOf(port, { ca, alpn: ["b"] }), "protocol");
    assertStringIncludes(failures[0]!.message, "protocol");
    await assertTalks({ port, tls: { ca, alpn: ["b", "a"] } });
    await assertTalks({ port, tls: { ca } });
  }));

test("listen() serves others while a client says nothing, speaks no TLS, or is gone, and is told of each", async () => {
  const failures: string[] = [];
  let told = new Deferred();
  const onError = (error: unknown): void => {
    failures.push((error as ConnectionError).code);
    told.resolve();
    throw new Error("this is ignored");
  };
  await using listener = await listen({ port: 0, tls: own, onError, ...LINES });
  const { port } = listener.address;
  const open = (to: number): Socket => connectSocket(to, "127.0.0.1").on("error", () => {});
  const silent = open(port);
  await once(silent, "connect");
  const wrong = [
    (socket: Socket) => socket.write("GET / HTTP/1.1\r\n\r\n"),
    (s: Socket) => s.end(),
  ];
  for (const [i, goWrong] of wrong.entries()) {
    const socket = open(port);
    await once(socket, "connect");
    told = new Deferred();
    goWrong(socket);
    await told.promise;
    const [client, server] = await Promise.all([
      connect({ port, tls: { ca }, ...LINES }),
      listener.accept(),
    ]);
    await client.send("hello");
    assertStrictEquals(await server!.read(), "hello");
    await Promise.all([client.closeWhenDone(), server!.closeWhenDone()]);
    assertEquals(failures, Array(i + 1).fill("tls"));
    socket.destroy();
  }
  told = new Deferred();
  silent.destroy();
  await told.promise;
  assertEquals(failures, ["tls", "tls", "tls"]);

  const tls = { ...own, handshakeTimeout: 50 };
  const impatient = await listen({ port: 0, tls, onError, ...LINES });
  const accepting = impatient.accept();
  told = new Deferred();
  const slow = open(impatient.address.port);
  await ended(slow);
  await told.promise;
  assertStrictEquals(failures.at(-1), "timeout");
  await impatient.close();
  assertStrictEquals(await accepting, null);
});

test("listen() has so many handshakes under way at a time, and no more", async () => {
  const clients: Connection[] = [];
  const listener: ConnectionListener = {
    address: { transport: "tcp", hostname: "127.0.0.1", port: 1 },
    accept() {
      const [client, server] = memoryPair();
      return clients.push(client) > 10 ? new Promise(() => {}) : Promise.resolve(server);
    },
    close: () => {},
    closed: Promise.resolve(),
  };
  const { promise: told, resolve: tell } = new Deferred<Error>();
  const wrap = wrapBy(own);
  const secured = new WrappingListener(
    listener,
    (each) => wrap(each, { isServer: true }),
    (error) => tell(error as Error),
    3,
  );
  await nextTurn(); // accepting takes none
  assertStrictEquals(clients.length, 3);
  clients[0]!.close();
  await told;
  await nextTurn();
  assertStrictEquals(clients.length, 4);
  secured.close();
  assertStrictEquals(await secured.accept(), null);
});

test("listen() closes who is still shaking hands when it is closed", async () => {
  const listener = await listen({ port: 0, tls: own, ...LINES });
  const accepting = listener.accept();
  const socket = connectSocket(listener.address.port, "127.0.0.1").on("error", () => {});
  await once(socket, "connect");
  const client = await connect({ port: listener.address.port, tls: { ca }, ...LINES });
  (await accepting)!.close(); // by now the other was accepted, too
  await listener.close();
  await ended(socket);
  client.close();
});

const noTruncation = { skip: CURRENT === "bun" && "Bun reports it as an orderly end" };
test(
  named(
    "a chat over TLS says that it was cut off when the connection ends without close_notify",
    noTruncation,
  ),
  noTruncation,
  async () => {
    // With TLS 1.3 it is a row of docs/errors.md.
    const maxVersion = "TLSv1.2";
    await using proxy = await CuttingProxy.start({ ...own, maxVersion }, "one\ntwo\nhal");
    const client = await connect({ port: proxy.port, tls: { ca }, ...LINES });
    assertStrictEquals(await client.read(), "one");
    proxy.cut();
    assertStrictEquals(await client.read(), "two");
    const error = await assertRejects(() => client.read(), ConnectionError, "close_notify");
    assertStrictEquals(error.code, "tls");
    assertStrictEquals(await client.closed, error);
  },
);

const NO_CERTIFICATE = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";

/** The server's key, encrypted. */
function encrypted(...args: string[]): string {
  const { stdout } = spawnSync("openssl", [...args, "-passout", "pass:x"], {
    input: own.key,
    encoding: "utf8",
  });
  assertStringIncludes(stdout, "ENCRYPTED");
  return stdout;
}

test("connect() and listen() refuse options of TLS that are none", async () => {
  const { cert, key } = own;
  const other = authority.sign("DNS:localhost");
  const wrong: readonly [unknown, typeof TypeError | typeof RangeError, string][] = [
    [7, TypeError, "not 7"],
    [{ cert, key: "secret" }, TypeError, "tls.key"],
    [{ cert: "", key }, TypeError, "tls.cert"],
    [{ cert, key, ca: [7] }, TypeError, "tls.ca"],
    [{ cert }, TypeError, "tls.key"],
    [{ key }, TypeError, "tls.cert"],
    [{ cert, key: other.key }, TypeError, "belong together"],
    [{ cert, key: encrypted("pkcs8", "-topk8") }, TypeError, "tls.key is encrypted"],
    [{ cert, key: encrypted("ec", "-aes128") }, TypeError, "tls.key is encrypted"],
    [{ cert, key, ca: ca.slice(0, 200) }, TypeError, "-----END"],
    [{ cert, key, ca: key }, TypeError, "must be certificates"],
    [{ cert, key, ca: [ca, NO_CERTIFICATE] }, TypeError, "must be certificates"],
    [{ cert, key, alpn: "h2" }, TypeError, "h2"],
    [{ cert, key, alpn: [""] }, TypeError, "tls.alpn"],
    [{ cert, key, handshakeTimeout: -1 }, RangeError, "tls.handshakeTimeout"],
    [{ cert, key, minVersion: "TLSv1.1" }, TypeError, "tls.minVersion"],
  ];
  for (const [options, kind, said] of wrong) {
    const tls = options as TlsServerOptions;
    await assertRejects(() => listen({ port: 0, tls, ...LINES }), kind, said);
    await assertRejects(() => connect({ port: 1, tls, ...LINES }), kind, said);
    assertThrows(() => wrapBy(options as TlsServerOptions), kind, said);
  }
  const forServers: readonly [unknown, string][] = [
    [{}, "tls.cert and tls.key"],
    [{ cert, key, requestCert: true }, "tls.ca"],
    [{ cert, key, requestCert: 1 }, "tls.requestCert"],
  ];
  for (const [options, said] of forServers) {
    const tls = options as TlsServerOptions;
    await assertRejects(() => listen({ port: 0, tls, ...LINES }), TypeError, said);
  }
  const forClients: readonly [unknown, string][] = [
    [{ servername: "" }, "tls.servername"],
    [{ rejectUnauthorized: "no" }, "tls.rejectUnauthorized"],
  ];
  for (const [options, said] of forClients) {
    const tls = options as TlsClientOptions;
    await assertRejects(() => connect({ port: 1, tls, ...LINES }), TypeError, said);
  }
});

const openssl = needs("openssl");
test(
  named("listen({ tls }) serves openssl s_client", openssl),
  openssl,
  () =>
    withServer({ ...own, alpn: ["lines"] }, async (port) => {
      const folder = mkdtempSync(join(tmpdir(), "asynchat-"));
      writeFileSync(join(folder, "ca"), ca);
      const child = spawn("openssl", [
        ...["s_client", "-connect", `127.0.0.1:${port}`, "-CAfile", "ca", "-quiet"],
        ...["-verify_return_error", "-verify_hostname", "localhost", "-alpn", "lines"],
      ], { cwd: folder });
      const answered = new Deferred();
      let said = "";
      child.stdout.on("data", (data) => {
        if ((said += data).includes("hello, too")) answered.resolve();
      });
      child.stdin.write("hello\n");
      await answered.promise;
      child.kill();
      await once(child, "exit");
      rmSync(folder, { recursive: true });
    }),
);
