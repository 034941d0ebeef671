/** TLS: `connect({ tls })` and `listen({ tls })`, with the sockets of the runtime that the tests run on. */
import { spawn, spawnSync } from "node:child_process";
import { X509Certificate } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { type AddressInfo, connect as connectSocket, createServer, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
} from "@std/assert";
import {
  type Chat,
  connect,
  type Connection,
  ConnectionError,
  type ConnectionListener,
  type ConnectOptions,
  listen,
  type ListenTlsOptions,
  memoryPair,
  serve,
} from "../../mod.ts";
import { TlsListener } from "../../src/net/tls_listener.ts";
import { Deferred } from "../../src/common/deferred.ts";
import type { TlsClientOptions } from "../../src/tls/mod.ts";
import { secure } from "../../src/tls/secure.ts";
import { toClientSettings, toServerSettings } from "../../src/tls/settings.ts";
import { WrappedConnection } from "../../src/connection/wrapped_connection.ts";
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
    secure(left, toClientSettings({ ca }, "localhost")),
    secure(right, toServerSettings(own)),
  ]);
});

const noEnd = "Bun's node:tls sends nothing after the peer's end";
checkConnection("a connection over TLS over another that is no socket", async () => {
  const [left, right] = await tcpPair();
  return await Promise.all([
    secure(new WrappedConnection(left), toClientSettings({ ca }, "localhost")),
    secure(new WrappedConnection(right), toServerSettings(own)),
  ]);
}, {
  skip: CURRENT === "bun"
    ? { "tells the end to the peer": noEnd, "goes on writing after the peer": noEnd }
    : {},
});

/** A server that answers each line, and whoever it tells of failed handshakes. */
async function withServer(
  tls: ListenTlsOptions,
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
    await assertTalks({ port, tls: { ca, serverName: "localhost" } });
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
  await assertTalks({ path, tls: { ca, serverName: "localhost" } });
  const nameless = () => connect({ path, tls: { ca }, ...LINES });
  await assertRejects(nameless, TypeError, "tls.serverName");
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
    (port) => assertTalks({ port, tls: { ca, serverName: "third.example" } }),
  );
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
    [(socket) => socket.write("220 hello\r\n"), /speak (in clear|no TLS) there/],
    [(socket) => socket.end(), /speak (in clear|no TLS) there/],
    // It does so, too, if it ends and has not read all.
    [(s) => s.once("data", () => s.resetAndDestroy()), /speak (in clear|no TLS) there/],
    [answering(() => Uint8Array.of(...alert, 40)), /no version of TLS, or no cipher, in common$/],
    [answering(() => Uint8Array.of(...alert, 70)), /no version of TLS, or no cipher, in common$/],
    [answering(() => Uint8Array.of(...alert, 80)), /: [^:]*internal ?error[^:]*$/i],
    [answering(() => Uint8Array.of(0x16, 3, 3, 0xff, 0xff, ...Array(70_000).fill(0))), /no TLS/],
    [answering((hello) => hello), /both sides may take themselves for the client/],
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

test("listen() asks for a client's certificate, and lets nobody in who has none, or one of another authority", async () => {
  const stranger = new Authority("another").sign("DNS:stranger.example");
  await withServer({ ...own, ca, requestCert: true }, async (port, failures) => {
    const tls = { ca, ...authority.sign("DNS:visitor.example") };
    await assertTalks({ port, tls });
    for (const wrong of [{ ca }, { ca, ...stranger }]) {
      // A client may think that it is done before the server has refused it.
      const client = await connect({ port, tls: wrong, ...LINES }).catch(() => undefined);
      assertEquals(await client?.read().catch(() => null) ?? null, null);
      client?.close();
    }
    await assertTalks({ port, tls });
    assertEquals(failures.map((error) => (error as ConnectionError).code), ["tls", "tls"]);
    assertStringIncludes(wordsOf(failures[0]!), "the client must give tls.cert and tls.key");
    assertStringIncludes(failures[1]!.message, "signed by nobody who is trusted here");
  });
});

test("connect() and listen() find no protocol in common by ALPN", () =>
  withServer({ ...own, alpn: ["a"] }, async (port, failures) => {
    const expected = CURRENT === "deno" ? "protocols" : "tls.alpn"; // Deno hangs up without a word
    assertStringIncludes(await failureOf(port, { ca, alpn: ["b"] }), expected);
    assertStringIncludes(wordsOf(failures[0]!), "tls.alpn");
    await assertTalks({ port, tls: { ca, alpn: ["b", "a"] } });
    await assertTalks({ port, tls: { ca } });
  }));

test("listen() serves others while a client says nothing, speaks no TLS, or is gone, and is told of each", async () => {
  const failures: string[] = [];
  let told = new Deferred();
  const onError = (error: Error): void => {
    failures.push((error as ConnectionError).code);
    told.resolve();
    throw new Error("this is ignored");
  };
  const tls = { ...own, onError };
  await using listener = await listen({ port: 0, tls, ...LINES });
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

  const impatient = await listen({ port: 0, tls: { ...tls, handshakeTimeout: 50 }, ...LINES });
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
  const secured = new TlsListener(listener, toServerSettings(own), tell, 3);
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
  ];
  for (const [options, kind, said] of wrong) {
    const tls = options as ListenTlsOptions;
    await assertRejects(() => listen({ port: 0, tls, ...LINES }), kind, said);
    await assertRejects(() => connect({ port: 1, tls, ...LINES }), kind, said);
  }
  const forServers: readonly [unknown, string][] = [
    [{}, "tls.cert and tls.key"],
    [{ cert, key, requestCert: true }, "tls.ca"],
    [{ cert, key, requestCert: 1 }, "tls.requestCert"],
    [{ cert, key, onError: 1 }, "tls.onError"],
  ];
  for (const [options, said] of forServers) {
    const tls = options as ListenTlsOptions;
    await assertRejects(() => listen({ port: 0, tls, ...LINES }), TypeError, said);
  }
  const forClients: readonly [unknown, string][] = [
    [{ serverName: "" }, "tls.serverName"],
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
