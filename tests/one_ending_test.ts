/** Promise 26 at the level of connections: one ending, one story, on every runtime and transport. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { assertEquals, assertRejects } from "@std/assert";
import { connect, type Connection, ConnectionError, memoryPair } from "../mod.ts";
import { bytes } from "./support/bytes.ts";
import { Authority } from "./support/certificates.ts";
import { Folder } from "./support/folder.ts";
import { named, needs } from "./support/peers.ts";
import { ENV } from "./support/programs.ts";

const authority = new Authority();
const certificate = authority.sign("DNS:localhost,IP:127.0.0.1");
const KINDS = ["tcp", "unix", "tls"] as const;

/**
 * Accepts one connection, answers what comes first with "hi", and then does what it is told, when it has read all that it
 * is to read: that is the kernel's business, so it is written for Python's sockets, which read only when they are asked.
 */
const PEER = `
import os, socket, ssl, struct, sys
kind, path = sys.argv[1:]
server = socket.socket(socket.AF_UNIX if kind == "unix" else socket.AF_INET)
server.bind(path if kind == "unix" else ("127.0.0.1", 0))
server.listen()
print(path if kind == "unix" else server.getsockname()[1], flush=True)
plain = peer = server.accept()[0]
if kind == "tls":
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    for name in ("CERT", "KEY"):
        open(path + name, "w").write(os.environ[name])
    context.load_cert_chain(path + "CERT", path + "KEY")
    peer = context.wrap_socket(plain, server_side=True)
peer.recv(100)
peer.sendall(b"hi")
for word in sys.stdin:
    if word == "goodbye\\n" and kind == "tls":
        peer.setblocking(False) # it is not for the other side's goodbye to be waited for
        try: peer.unwrap()
        except ssl.SSLError: pass
    if word == "linger\\n":
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    if word == "close\\n":
        peer.close()
    print("done", flush=True)
`;

/** A connection with a peer that ends it in the ways of the system. */
class Line {
  readonly connection: Connection;
  readonly #child: ChildProcess;
  readonly #folder: Folder;

  private constructor(connection: Connection, child: ChildProcess, folder: Folder) {
    this.connection = connection;
    this.#child = child;
    this.#folder = folder;
  }

  static async open(kind: (typeof KINDS)[number]): Promise<Line> {
    const folder = new Folder();
    const path = folder.at("peer");
    const env = { ...ENV, CERT: certificate.cert, KEY: certificate.key };
    const stdio = ["pipe", "pipe", "inherit"] as const;
    const child = spawn("python3", ["-u", "-c", PEER, kind, path], { stdio: [...stdio], env });
    const [where] = await once(child.stdout!, "data");
    const endpoint = kind === "unix" ? { path } : { port: Number(where) };
    const tls = kind === "tls" ? { ca: authority.ca } : undefined;
    const { connection } = (await connect({ ...endpoint, tls, terminator: null })).detach();
    await connection.write(bytes("hello"));
    assertEquals(await connection.read(), bytes("hi"));
    return new Line(connection, child, folder);
  }

  /** Resolves when the peer has done it. */
  async tell(word: "goodbye" | "linger" | "close"): Promise<void> {
    this.#child.stdin!.write(`${word}\n`);
    await once(this.#child.stdout!, "data");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.connection.close();
    await this.connection.closed;
    const exited = once(this.#child, "exit");
    this.#child.kill();
    await exited;
    this.#folder[Symbol.dispose]();
  }
}

async function codeOf(operation: () => Promise<unknown>): Promise<string> {
  return (await assertRejects(operation, ConnectionError)).code;
}

/** All that is asked after an operation has rejected must say the same. */
async function assertOneStory(connection: Connection): Promise<void> {
  for (let i = 0; i < 2; i++) {
    assertEquals(await codeOf(() => connection.write(bytes("x"))), "reset");
    assertEquals(await codeOf(() => connection.read()), "reset");
  }
  await connection.closed;
}

/** Writes until it is refused: the system learns only from the first write that the peer is gone. */
async function writeUntilRefused(connection: Connection): Promise<string> {
  for (;;) {
    try {
      await connection.write(bytes("x"));
      await new Promise((resolve) => setTimeout(resolve, 1));
    } catch (error) {
      return (error as ConnectionError).code;
    }
  }
}

const python = needs("python3");

function testWithPeer(name: string, work: () => Promise<void>, skip: string | false = false): void {
  const unless = { skip: skip || python.skip };
  test(named(name, unless), unless, work);
}

for (const kind of KINDS) {
  testWithPeer(
    `a connection over ${kind} tells one story when the peer has ended in order, and we write on`,
    async () => {
      await using line = await Line.open(kind);
      const { connection } = line;
      await line.tell("goodbye");
      await line.tell("close");
      assertEquals(await connection.read(), null);
      assertEquals(await connection.read(), null);
      assertEquals(await writeUntilRefused(connection), "reset");
      await assertOneStory(connection);
    },
  );

  testWithPeer(
    `a connection over ${kind} tells one story when we write on before the peer's end is read`,
    async () => {
      await using line = await Line.open(kind);
      await line.tell("goodbye");
      await line.tell("close");
      assertEquals(await writeUntilRefused(line.connection), "reset");
      await assertOneStory(line.connection);
    },
  );

  testWithPeer(
    `a connection over ${kind} ends in order when nothing is written after the peer's end`,
    async () => {
      await using line = await Line.open(kind);
      await line.tell("goodbye");
      await line.tell("close");
      assertEquals(await line.connection.read(), null);
      await line.connection.closeWrite();
      assertEquals(await line.connection.read(), null);
      await line.connection.closed;
      assertEquals(await line.connection.read(), null);
    },
  );

  for (const isWaiting of [true, false]) {
    const when = isWaiting ? "a read waits" : "nobody reads";
    testWithPeer(
      `a connection over ${kind} tells one story when the peer closes with data unread while ${when}`,
      async () => {
        await using line = await Line.open(kind);
        const { connection } = line;
        await connection.write(bytes("never read"));
        const reading = isWaiting ? codeOf(() => connection.read()) : undefined;
        await line.tell("close");
        if (reading) assertEquals(await reading, "reset");
        else assertEquals(await writeUntilRefused(connection), "reset");
        await assertOneStory(connection);
      },
    );
  }

  testWithPeer(
    `a connection over ${kind} that this side has half-closed reads the reset, again and again`,
    async () => {
      await using line = await Line.open(kind);
      const { connection } = line;
      await connection.write(bytes("never read"));
      await connection.closeWrite();
      await line.tell("close");
      for (let i = 0; i < 3; i++) assertEquals(await codeOf(() => connection.read()), "reset");
      await connection.closed;
    },
  );

  testWithPeer(`a connection over ${kind} tells one story when the peer breaks off`, async () => {
    await using line = await Line.open(kind);
    await line.tell("linger");
    await line.tell("close");
    assertEquals(await writeUntilRefused(line.connection), "reset");
    await assertOneStory(line.connection);
  }, kind === "unix" && "a Unix socket has no reset of its own");
}

test("a memory connection tells one story when the other end is closed, and we write on", async () => {
  const [left, right] = memoryPair();
  await right.write(bytes("last words"));
  right.close();
  assertEquals(await codeOf(() => left.write(bytes("x"))), "reset");
  assertEquals(await left.read(), bytes("last words"));
  for (let i = 0; i < 2; i++) {
    assertEquals(await codeOf(() => left.read()), "reset");
    assertEquals(await codeOf(() => left.write(bytes("x"))), "reset");
  }
  left.close();
});
