/** `chat.upgrade()`, in the middle of a conversation, with the sockets of the runtime that the tests run on. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import {
  assert,
  assertEquals,
  assertMatch,
  assertRejects,
  assertStrictEquals,
  assertThrows,
} from "@std/assert";
import {
  Chat,
  ChatError,
  ClosedError,
  connect,
  type Connection,
  ConnectionError,
  listen,
  memoryPair,
  tap,
  UnsupportedError,
  type Wrap,
} from "../../mod.ts";
import { tls } from "../../src/tls/mod.ts";
import { Deferred } from "../../src/common/deferred.ts";
import { bytes } from "../support/bytes.ts";
import { Authority } from "../support/certificates.ts";
import { checkConnection } from "../support/connection_checks.ts";
import { named, needs } from "../support/peers.ts";
import { StrictConnection } from "../support/strict_connection.ts";
import { tcpPair } from "../support/tcp_pair.ts";
import { nextTurn } from "../support/turn.ts";

const LINES = { terminator: "\n", encoding: "utf-8" } as const;

const authority = new Authority();
const { ca } = authority;
const own = authority.sign("DNS:localhost,IP:127.0.0.1");
const clientOptions = { ca, servername: "localhost" };
const asServer = tls(own, { isServer: true });
const asClient = tls(clientOptions);

type Pair = readonly [client: Chat<string>, server: Chat<string>];

async function chats(): Promise<Pair> {
  const [left, right] = await tcpPair();
  return [new Chat(left, LINES), new Chat(right, LINES)];
}

/** What both say in clear, up to where TLS begins. */
async function agree([client, server]: Pair): Promise<void> {
  await client.send("STARTTLS");
  assertStrictEquals(await server.read(), "STARTTLS");
  await server.send("220 go ahead");
  await server.flush();
}

async function close([client, server]: Pair): Promise<void> {
  await Promise.all([client.closeWhenDone(), server.closeWhenDone()]);
  assertEquals(await Promise.all([client.closed, server.closed]), [undefined, undefined]);
}

// What is put over the connection is what connect({ tls }) puts there: tls_test.ts has all of the checks.
checkConnection("a connection that has gone over to TLS", async () => {
  const pair = await chats();
  await agree(pair);
  const [client, server] = pair;
  const serving = server.upgrade(asServer);
  assertStrictEquals(await client.read(), "220 go ahead");
  await Promise.all([client.upgrade(asClient), serving]);
  return [client.detach().connection, server.detach().connection];
}, {
  only: ["delivers bytes in order", "tells the end to the peer", "hands out what the peer sent"],
});

test("upgrade() goes on with the same conversation, encrypted", async () => {
  const passed: string[] = [];
  const log = (line: string): void => void passed.push(line);
  await using listener = await listen({ port: 0, ...LINES });
  const where = { hostname: "localhost", port: listener.address.port };
  const wrap = (connection: Connection): Connection => tap(connection, log);
  const [client, accepted] = await Promise.all([
    connect({ ...where, ...LINES, wrap }),
    listener.accept(),
  ]);
  const pair: Pair = [client, accepted!];
  const [, server] = pair;
  await agree(pair);
  const serving = server.upgrade(tls({ ...own, alpn: ["lines"] }));
  await client.read();
  // The name is that which was connected to; what is pushed, and read, meanwhile, is encrypted.
  const starting = client.upgrade(tls({ ca, alpn: ["lines"] }));
  client.send("hello");
  const reading = server.read();
  await Promise.all([starting, serving]);
  assertStrictEquals(await reading, "hello");
  assertEquals([client.tls?.alpn, server.tls?.alpn], ["lines", "lines"]);
  assert(client.tls!.peerCertificate !== undefined);
  const { bytesIn, framesIn, framesOut } = client.stats;
  assertEquals([bytesIn, framesIn, framesOut], [13, 1, 2]);
  server.send("x".repeat(500_000));
  assertStrictEquals((await client.read())!.length, 500_000);
  assertEquals(client.remoteAddress, listener.address);
  assert(!passed.join("").includes("hello"));
  await close(pair);
});

test("upgrade() goes on over any wrap, is told the side and the host name, and may be called again", async () => {
  const told: unknown[] = [];
  await using listener = await listen({ port: 0, ...LINES });
  const where = { hostname: "localhost", port: listener.address.port };
  const pair = await Promise.all([connect({ ...where, ...LINES }), listener.accept()]) as Pair;
  const [client, server] = pair;
  const seen: string[] = [];
  const wrap: Wrap = async (connection, to) => {
    told.push(to);
    await nextTurn();
    return tap(connection, (line) => seen.push(line));
  };
  await agree(pair);
  await client.read();
  await Promise.all([client.upgrade(wrap), server.upgrade(wrap)]);
  await Promise.all([client.upgrade(tls({ ca })), server.upgrade(tls(own))]);
  await Promise.all(pair.map((chat) => chat.upgrade(wrap)));
  await client.send("hello");
  assertStrictEquals(await server.read(), "hello");
  const sides = [{ hostname: "localhost", isServer: false }, { isServer: true }];
  assertEquals(told, [...sides, ...sides]);
  assert(seen.includes('< 6 bytes "hello\\n"'));
  await close(pair);
  assertEquals(await Promise.all([client.closed, server.closed]), [undefined, undefined]);

  const [left] = memoryPair();
  const mine = new Chat(left, LINES);
  await mine.upgrade((connection, to) => (told.push(to), connection));
  assertEquals(told.at(-1), { isServer: false });
  mine.close();
});

test("upgrade() leaves the chat as it was when the wrap throws, and closes it when the wrap rejects", async () => {
  for (const isWatched of [false, true]) {
    const [left, right] = memoryPair();
    const strict = new StrictConnection(right);
    const chat = new Chat(strict, LINES);
    if (isWatched) void chat.closed; // which reads ahead
    await nextTurn();
    const refuse = (): never => {
      throw new RangeError("not now");
    };
    await assertRejects(() => chat.upgrade(refuse), RangeError, "not now");
    await left.write(bytes("hello\n"));
    assertStrictEquals(await chat.read(), "hello");
    assertEquals(strict.wrongs, []);
    const reason = new Error("never");
    const failure = await assertRejects(() => chat.upgrade(() => Promise.reject(reason)), Error);
    assertStrictEquals(failure, reason);
    assertStrictEquals(await chat.closed, reason);
    assertStrictEquals(await left.read().catch(() => null), null);
  }
  const [, right] = memoryPair();
  const chat = new Chat(right, LINES);
  const none = (() => undefined) as unknown as Wrap;
  await assertRejects(() => chat.upgrade(none), TypeError, "Connection");
  assert(await chat.closed instanceof TypeError);
});

test("upgrade() loses nothing of the handshake when a read was given up, and is still under way", async () => {
  const pair = await chats();
  const [client, server] = pair;
  const signal = AbortSignal.abort(new Error("given up"));
  await agree(pair);
  for (const chat of pair) {
    const controller = new AbortController();
    if (chat === client) await client.read();
    const reading = chat.read("\n", { signal: controller.signal });
    controller.abort(signal.reason);
    await assertRejects(() => reading, Error, "given up");
  }
  await Promise.all([client.upgrade(asClient), server.upgrade(asServer)]);
  await client.send("hello");
  assertStrictEquals(await server.read(), "hello");
  await close(pair);
});

test("upgrade() takes the peer's handshake also when it began long before", async () => {
  const pair = await chats();
  const [client, server] = pair;
  await agree(pair);
  await client.read();
  const starting = client.upgrade(asClient);
  await server.flush();
  // The handshake has arrived by the time that another connection has come and gone.
  for (let i = 0; i < 3; i++) {
    const other = await chats();
    await other[0].send("x");
    await other[1].read();
    await close(other);
  }
  await Promise.all([starting, server.upgrade(asServer)]);
  await client.send("hello");
  assertStrictEquals(await server.read(), "hello");
  server.close();
  client.close();
  await Promise.all([client.closed, server.closed]);
});

for (const [role, options] of [["server", asServer], ["client", asClient]] as const) {
  test(`upgrade() of a ${role} takes nothing that somebody has put behind the command in clear, and closes the chat`, async () => {
    // Here already, in one chunk with the command; and on its way, where the handshake should be.
    for (const sent of [["STARTTLS\nRCPT TO:<mallory>\n"], ["STARTTLS\n", "RCPT TO:<mallory>\n"]]) {
      const [left, right] = memoryPair();
      const chat = new Chat(right, LINES);
      await left.write(bytes(sent[0]!));
      assertStrictEquals(await chat.read(), "STARTTLS");
      if (sent.length > 1) await left.write(bytes(sent[1]!));
      const error = await assertRejects(() => chat.upgrade(options), ConnectionError);
      assertStrictEquals(error.code, "tls");
      assertStrictEquals(error.message.includes("18 bytes"), sent.length === 1, error.message);
      assertStrictEquals(await chat.closed, error);
      assertStrictEquals(await assertRejects(() => chat.read(), ConnectionError), error);
    }
  });
}

test("upgrade() rejects, and the chat ends with the error, when the certificate is not in order", async () => {
  const pair = await chats();
  const [client, server] = pair;
  await agree(pair);
  await client.read();
  const serving = server.upgrade(asServer).catch(() => {});
  const pushing = client.upgrade(tls({ ca, servername: "other.example" }));
  const waiting = client.push("secret\n").then(() => client.flush());
  const error = await assertRejects(
    () => pushing,
    ConnectionError,
    "for localhost, 127.0.0.1, not other.example",
  );
  assertStrictEquals(error.code, "tls");
  await assertRejects(() => waiting, ConnectionError);
  assertStrictEquals(await client.closed, error);
  await serving;
  assertEquals(await server.read().catch(() => null), null);
  server.close();
  await server.closed;
});

test("upgrade() gives up after its time, and when the chat is closed", async () => {
  const hurried: readonly [role: Wrap, Wrap][] = [
    [asServer, tls({ ...own, handshakeTimeout: 20 }, { isServer: true })],
    [asClient, tls({ ...clientOptions, handshakeTimeout: 20 })],
  ];
  for (const [role, impatient] of hurried) {
    const [client, server] = await chats();
    const late = () => server.upgrade(impatient);
    assertStrictEquals((await assertRejects(late, ConnectionError)).code, "timeout");
    await server.closed;
    client.close();

    for (const turns of [0, 1, 5]) {
      const [other, closing] = await chats();
      const starting = closing.upgrade(role);
      for (let i = 0; i < turns; i++) await nextTurn();
      const reason = new Error("enough");
      closing.close(reason);
      await assertRejects(() => starting, ClosedError);
      assertStrictEquals(await closing.closed, reason);
      other.close();
      await other.closed;
    }
  }
});

test("upgrade() is refused, and nothing happens, when something is unsent or waits, or TLS is there already", async () => {
  const pair = await chats();
  const [client, server] = pair;
  const codeOf = async (): Promise<string> =>
    (await assertRejects(() => client.upgrade(asClient), ChatError)).code;

  client.push("unsent\n");
  assertStrictEquals(await codeOf(), "unsent");
  await server.read();

  const controller = new AbortController();
  const reading = client.read("\n", { signal: controller.signal });
  assertStrictEquals(await codeOf(), "reading");
  controller.abort();
  await reading.catch(() => {});

  await server.send("12345");
  const pieces = client.stream("\n");
  await pieces.next();
  assertStrictEquals(await codeOf(), "reading");
  for await (const _ of pieces);

  await assertRejects(() => client.upgrade(tls({ ca })), TypeError, "tls.servername");
  await assertRejects(() => client.upgrade({ ca } as never), TypeError, "wrap");

  await agree(pair);
  const serving = server.upgrade(asServer);
  await client.read();
  const starting = client.upgrade(asClient);
  assertStrictEquals(await codeOf(), "unsent");
  assertStrictEquals((await failureOf(() => client.detach())).code, "unsent");
  await Promise.all([starting, serving]);
  await assertRejects(() => client.upgrade(asClient), UnsupportedError, "already");
  await client.send("still here");
  assertStrictEquals(await server.read(), "still here");
  await close(pair);
  await assertRejects(() => client.upgrade(asClient), ClosedError);
});

async function failureOf(work: () => unknown): Promise<ChatError> {
  // deno-lint-ignore require-await -- so that what it throws is a rejection
  return await assertRejects(async () => work(), ChatError);
}

const openssl = needs("openssl");
test(
  named("upgrade() of a server serves openssl s_client -starttls smtp", openssl),
  openssl,
  async () => {
    await using listener = await listen({ port: 0, terminator: "\r\n", encoding: "utf-8" });
    const folder = mkdtempSync(join(tmpdir(), "asynchat-"));
    writeFileSync(join(folder, "ca"), ca);
    const child = spawn("openssl", [
      ...["s_client", "-starttls", "smtp", "-CAfile", "ca", "-verify_return_error"],
      ...["-verify_hostname", "localhost", "-quiet"],
      ...["-connect", `127.0.0.1:${listener.address.port}`],
    ], { cwd: folder });
    const chat = (await listener.accept())!;
    await chat.send("220 asynchat");
    assertMatch((await chat.read())!, /^EHLO/);
    await chat.push("250-asynchat\r\n250 STARTTLS\r\n");
    assertStrictEquals(await chat.read(), "STARTTLS");
    await chat.send("220 go ahead");
    await chat.flush();
    await chat.upgrade(tls(own));
    child.stdin.write("NOOP\n");
    assertStrictEquals((await chat.read("\n"))!.trim(), "NOOP");
    const answered = new Deferred();
    let said = "";
    child.stdout.on("data", (data) => {
      if ((said += data).includes("250 it is encrypted")) answered.resolve();
    });
    await chat.send("250 it is encrypted");
    await answered.promise;
    child.kill();
    chat.close();
    await chat.closed;
    rmSync(folder, { recursive: true });
  },
);

test("Chat.closed resolves when the connection is gone before upgrade() has ended", async () => {
  const [left] = memoryPair();
  const chat = new Chat(left, { terminator: "\n" });
  await chat.upgrade(async (connection) => {
    const wrapped = tap(connection, () => {});
    connection.close();
    await connection.closed;
    return wrapped;
  });
  const error = await assertRejects(() => chat.read(), ClosedError);
  chat.close();
  assertStrictEquals(await chat.closed, error);
});

test("tls() refuses a servername that cannot be one", () => {
  for (const servername of ["", "a\0b", "a b"]) {
    assertThrows(() => tls({ servername }, { isServer: false }), TypeError, "tls.servername");
  }
});

const python = needs("python3", 'python3 -c "import ssl"');
const PYTHON_SERVER = `
import socket, ssl, sys
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(sys.argv[1])
listener = socket.create_server(("127.0.0.1", 0))
print(listener.getsockname()[1], flush=True)
plain, _ = listener.accept()
assert plain.recv(100) == b"STARTTLS\\r\\n"
plain.sendall(b"220 go ahead\\r\\n")
with context.wrap_socket(plain, server_side=True) as secured:
    secured.sendall(secured.recv(100).upper())
    secured.unwrap()
`;

test(named("upgrade() of a client talks to Python's ssl", python), python, async () => {
  const folder = mkdtempSync(join(tmpdir(), "asynchat-"));
  const pem = join(folder, "server.pem");
  writeFileSync(pem, `${own.key}${own.cert}`);
  const child = spawn("python3", ["-c", PYTHON_SERVER, pem], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  try {
    const [port] = await once(child.stdout, "data");
    const options = { terminator: "\r\n", encoding: "utf-8" } as const;
    const chat = await connect({ hostname: "localhost", port: Number(port), ...options });
    await chat.send("STARTTLS");
    assertStrictEquals(await chat.read(), "220 go ahead");
    await chat.upgrade(tls({ ca }));
    await chat.send("hello");
    assertStrictEquals(await chat.read(), "HELLO");
    assertStrictEquals(await chat.read(), null);
    await chat.closeWhenDone();
  } finally {
    child.kill();
    rmSync(folder, { recursive: true });
  }
});
