/** The file server and its client, each as a program, and each with a peer in Python that speaks the same protocol. */
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { checksummed } from "../../examples/checksummed/checksummed.ts";
import { receiveFile, TransferError } from "../../examples/transfer/transfer.ts";
import { Chat, connect, listen } from "../../mod.ts";
import { concat, text } from "../support/bytes.ts";
import { example, ExampleServer, runExample } from "../support/examples.ts";
import { Folder } from "../support/folder.ts";
import { attack, handledBy } from "../support/hostile_peers.ts";
import { peerTest } from "../support/test_with_peer.ts";
import { type Output, Program } from "../support/programs.ts";
import { shellOutput } from "../support/shell.ts";

const framing = checksummed();
const send = (port: number, ...args: string[]): Promise<Output> =>
  runExample("send_file", "--port", String(port), ...args);

const start = (received: string, ...args: string[]): Promise<ExampleServer> =>
  ExampleServer.start("file_server", "--folder", received, ...args);

/** Offers a file, and sends some of it; returns the chat, and the first answer. */
async function offer(
  port: number,
  what: unknown,
  ...pieces: (string | Uint8Array)[]
): Promise<[Chat, string]> {
  const chat = await connect({ port, terminator: framing });
  chat.push(framing.encode(JSON.stringify(what)));
  const answer = text((await chat.read())!);
  for (const piece of pieces) await chat.push(framing.encode(piece));
  return [chat, answer];
}

test("files of any size arrive as they were, several at a time, in a folder that is made, and progress is shown", async () => {
  using folder = new Folder();
  const received = folder.at("not/there");
  await using server = await start(received);
  const sizes = { empty: 0, small: 1, "a piece": 61_440, "häppy": 3_000_000 };
  await Promise.all(
    Object.entries(sizes).map(async ([name, size]) => {
      const data = randomBytes(size);
      const { code, lines, stderr } = await send(
        server.port,
        folder.write(name, data),
        "--every",
        "1",
      );
      assertEquals([code, stderr], [0, ""], name);
      assert(lines.some((line) => line.includes("  100%  ")), lines.join("\n"));
      assertMatch(lines.at(-1)!, /sent, [\d.]+ \w+\/s, SHA-256 [\da-f]{64}$/);
      assert(data.equals(folder.read(`not/there/${name}`)), name);
    }),
  );
  // A server that is stopped in the middle of a file leaves nothing behind.
  const [chat] = await offer(server.port, { name: "half", size: 1_000 }, new Uint8Array(500));
  await server.stop();
  chat.close();
  assertEquals(folder.namesIn("not/there"), Object.keys(sizes).sort());
});

test("a file that is there already, is too large, or cannot be read, is refused in a line", async () => {
  using folder = new Folder();
  using received = new Folder();
  await using server = await start(received.path, "--max-size", "100000");
  const file = folder.write("file", "x".repeat(100));
  received.write("file", "another");
  const refused: readonly (readonly [file: string, why: RegExp])[] = [
    [file, /already/],
    [folder.write("large", "x".repeat(100_001)), /100000 bytes, not 100001/],
    [folder.at("none"), /^cannot read .*none/],
    [folder.path, /EISDIR|directory/i],
  ];
  for (const [path, why] of refused) {
    const { code, stderr } = await send(server.port, path);
    assertMatch(stderr, /^[^\n]+\n$/);
    assertMatch(stderr, why);
    assertEquals(code, 1);
  }
  await server.stop(); // and so has put away what it had of each
  assertEquals([received.names, text(received.read("file"))], [["file"], "another"]);
});

test("a client cannot choose where a file is put, nor what is no file", async () => {
  using folder = new Folder();
  mkdirSync(folder.at("received"));
  await using server = await start(folder.at("received"));
  const paths = ["../up", "a/b", "..", ".", ".hidden", "a\0b", "a\nb", "", "C:x", "a\\b"];
  const long = ["x".repeat(201), "ä".repeat(101)]; // the second one has 202 bytes
  const names = [...paths, ...long, 5, null].map((name) => ({ name, size: 1 }));
  const sizes = [undefined, -1, 1.5, "1"].map((size) => ({ name: "a", size }));
  for (const what of [...names, ...sizes, [], null, 1]) {
    const [chat, answer] = await offer(server.port, what);
    assertMatch(answer, /^\{"error":/, JSON.stringify(what));
    assertEquals(await chat.read(), null);
    await chat.closeWhenDone();
  }
  assertEquals([folder.names, folder.namesIn("received")], [["received"], []]);
});

test("a transfer that is broken off leaves nothing behind, and its client is told why", async () => {
  using received = new Folder();
  await using server = await start(received.path);
  const begin = async (): Promise<Chat> => {
    const [chat, answer] = await offer(
      server.port,
      { name: "half", size: 1_000 },
      new Uint8Array(500),
    );
    assertEquals(answer, '{"ready":true}');
    return chat;
  };
  const damaged = framing.encode(new Uint8Array(500)).with(20, 1);
  const endings: readonly (readonly [end: (chat: Chat) => unknown, why: RegExp])[] = [
    [(chat) => chat.closeWrite(), /ended after 500 of 1000/],
    [(chat) => chat.push(damaged), /could not be received/],
    [(chat) => chat.push(framing.encode("")), /must have bytes/],
    [(chat) => chat.push(framing.encode(new Uint8Array(501))), /more than the 1000 bytes/],
  ];
  for (const [end, why] of endings) {
    const chat = await begin();
    end(chat);
    assertMatch(text((await chat.read())!), why);
    await chat.closeWhenDone();
  }
  (await begin()).close();
  await server.line(/the checksum of a frame of 500 bytes is wrong/);

  // Of two of one name that come at the same time, one is kept.
  const [one, other] = await Promise.all(
    [1, 2].map(() => offer(server.port, { name: "one", size: 5 })),
  );
  for (
    const [[chat], data, answer] of [[one!, "first", /"received":5/], [
      other!,
      "other",
      /already/,
    ]] as const
  ) {
    chat.push(framing.encode(data));
    assertMatch(text((await chat.read())!), answer);
    await chat.closeWhenDone();
  }
  await server.stop();
  assertEquals([received.names, text(received.read("one"))], [["one"], "first"]);
});

test("send_file stops at Ctrl-C", async () => {
  using folder = new Folder();
  await using deaf = await listen({ port: 0, terminator: framing });
  const args = ["--port", String(deaf.address.port), folder.write("file", "x".repeat(1_000))];
  await using program = new Program(example("send_file", ...args));
  const chat = (await deaf.accept())!;
  await chat.read(); // the offer, which is never answered
  const { code, stderr } = await program.interrupt();
  assertEquals([code, stderr], [1, "stopped\n"]);
  chat.close();
});

const PYTHON = `import sys, zlib, binascii, struct, json, socket, hashlib
def frame(data):
    head = struct.pack(">H", len(data))
    head += struct.pack(">H", binascii.crc_hqx(head, 0xffff))
    return head + data + struct.pack(">I", zlib.crc32(head + data))
def read(file):
    head = file.read(4)
    data = file.read(struct.unpack(">H", head[:2])[0])
    assert struct.unpack(">I", file.read(4))[0] == zlib.crc32(head + data)
    return data
`;

peerTest("/usr/bin/python3", "a client in Python sends a file", async () => {
  using received = new Folder();
  await using server = await start(received.path);
  const client = `${PYTHON}
s = socket.create_connection(("127.0.0.1", ${server.port})); f = s.makefile("rb")
data = bytes(range(256)) * 1000
s.sendall(frame(json.dumps({"name": "python.bin", "size": len(data)}).encode()))
assert json.loads(read(f)) == {"ready": True}
s.sendall(b"".join(frame(data[i:i + 1000]) for i in range(0, len(data), 1000)))
answer = json.loads(read(f))
assert answer == {"received": len(data), "sha256": hashlib.sha256(data).hexdigest()}, answer
print("fine")`;
  assertEquals(await shellOutput(`/usr/bin/python3 -c '${client}'`), "fine\n");
  assertEquals(received.read("python.bin").length, 256_000);
});

peerTest("/usr/bin/python3", "a server in Python receives a file, or another one", async () => {
  using folder = new Folder();
  const file = folder.write("file", randomBytes(300_000));
  const script = `${PYTHON}
server = socket.create_server(("127.0.0.1", 0)); print(server.getsockname()[1], flush=True)
for wrong in (False, True):
  s, _ = server.accept(); f = s.makefile("rb"); offer = json.loads(read(f))
  s.sendall(frame(b'{"ready": true}')); data = b""
  while len(data) < offer["size"]: data += read(f)
  if wrong: data += b"!"
  s.sendall(frame(json.dumps({"received": len(data), "sha256": hashlib.sha256(data).hexdigest()}).encode()))
  s.close()`;
  const server = spawn("/usr/bin/python3", ["-c", script], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  const exited = once(server, "exit");
  try {
    const [port] = await once(createInterface({ input: server.stdout }), "line");
    const fine = await send(Number(port), file);
    assertEquals([fine.code, fine.stderr], [0, ""]);
    const wrong = await send(Number(port), file);
    assertEquals(wrong.code, 1);
    assertMatch(wrong.stderr, /300001 bytes/);
  } finally {
    server.kill("SIGKILL");
    await exited;
  }
});

test("receiveFile() survives clients that send nonsense, and keeps nothing of it", async () => {
  using folder = new Folder();
  mkdirSync(folder.at("received"));
  const offered = (name: string, size: number): Uint8Array =>
    framing.encode(JSON.stringify({ name, size }));
  const pieces = [60, 41].map((length) => framing.encode(new Uint8Array(length)));
  await attack({
    serve: handledBy(
      (connection) => new Chat(connection, { terminator: checksummed() }),
      (chat) =>
        receiveFile(chat, framing, folder.at("received"), 1_000).catch((error) => {
          if (!(error instanceof TransferError)) throw error;
        }),
    ),
    samples: [
      concat([offered("a".repeat(5), 100), ...pieces]),
      concat([offered("../x", 5), framing.encode("hello")]),
      concat([offered("b", 5), framing.encode("hello!")]),
    ],
  });
  assertEquals(folder.namesIn("received").filter((name) => name.endsWith(".part")), []);
  assertEquals(folder.names, ["received"]);
});
