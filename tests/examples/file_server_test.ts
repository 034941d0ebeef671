/** The file server and its client, each as a program, and each with a peer in Python that speaks the same protocol. */
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { assert, assertEquals, assertMatch, assertStrictEquals } from "@std/assert";
import { checksummed } from "../../examples/checksummed/checksummed.ts";
import { receiveFile, TransferError } from "../../examples/transfer/transfer.ts";
import { Chat, connect, listen } from "../../mod.ts";
import { concat, text } from "../support/bytes.ts";
import { attack, handledBy } from "../support/hostile_peers.ts";
import { named, needs } from "../support/peers.ts";
import { CURRENT, type Output, permitted, Program, run } from "../support/programs.ts";
import { shellOutput } from "../support/shell.ts";

const PERMISSIONS = ["--allow-read", "--allow-write"];
const framing = checksummed();
const send = (port: number, ...args: string[]): Promise<Output> =>
  run(permitted(PERMISSIONS, CURRENT, "examples/send_file.ts", "--port", String(port), ...args));

/** A folder of its own for each test, and what is in it. */
async function withFolder(
  work: (folder: string, received: string) => Promise<void>,
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "asynchat-"));
  const received = mkdtempSync(join(folder, "received-"));
  try {
    await work(folder, received);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function withServer(
  work: (port: number, folder: string, received: string, program: Program) => Promise<void>,
  ...args: string[]
): Promise<void> {
  return withFolder(async (folder, received) => {
    const options = ["--port", "0", "--folder", received, ...args];
    await using program = new Program(
      permitted(PERMISSIONS, CURRENT, "examples/file_server.ts", ...options),
    );
    await work(await program.listening(), folder, received, program);
  });
}

test("files of any size arrive as they were, several at a time, and progress is shown", () =>
  withServer(async (port, folder, received, program) => {
    const sizes: Readonly<Record<string, number>> = {
      empty: 0,
      small: 1,
      "a piece": 61_440,
      "häppy": 10_000_000,
    };
    for (const [name, size] of Object.entries(sizes)) {
      writeFileSync(join(folder, name), randomBytes(size));
    }
    const outputs = await Promise.all(
      Object.keys(sizes).map((name) => send(port, join(folder, name), "--every", "1")),
    );
    for (const [i, [name, size]] of Object.entries(sizes).entries()) {
      const { code, lines, stderr } = outputs[i]!;
      assertEquals([code, stderr], [0, ""], name);
      assert(
        lines.some((line) =>
          /^[\d.]+ \w+ of [\d.]+ \w+ {2}100% {2}[\d.]+ \w+\/s {2}0 s left$/.test(line)
        ),
      );
      assertMatch(lines.at(-1)!, /sent, [\d.]+ \w+\/s, SHA-256 [\da-f]{64}$/);
      assert(readFileSync(join(received, name)).equals(readFileSync(join(folder, name))), name);
      assertStrictEquals(readFileSync(join(received, name)).length, size);
    }
    assertEquals(readdirSync(received).length, 4); // nothing is left over
    const { code, lines, stderr } = await program.interrupt();
    assertEquals([code, lines.at(-1), stderr], [0, "stopped", ""]);
  }));

test("a file that is there already, is too large, or cannot be read, is refused in a line", () =>
  withServer(
    async (port, folder, received) => {
      const file = join(folder, "file");
      writeFileSync(file, "x".repeat(100));
      writeFileSync(join(received, "file"), "another");
      const there = await send(port, file);
      assertEquals([there.code, there.stderr.trim()], [1, "there is a file already"]);
      assertEquals(readFileSync(join(received, "file"), "utf8"), "another");
      const large = join(folder, "large");
      writeFileSync(large, "x".repeat(1_001));
      assertMatch(
        (await send(port, large)).stderr,
        /^a file must have at most 1000 bytes, not 1001\n$/,
      );
      assertMatch((await send(port, join(folder, "none"))).stderr, /^cannot read .*none/);
      assertMatch((await send(port)).stderr, /^expected one file/);
      assertMatch((await send(1, file)).stderr, /connection refused/);
    },
    "--max-size",
    "1000",
  ));

test("a client cannot choose where a file is put, nor what is no file", () =>
  withServer(async (port, folder, received) => {
    const names = [
      "../up",
      "a/b",
      "..",
      ".",
      ".hidden",
      "a\0b",
      "a\nb",
      "",
      "C:x",
      "a\\b",
      "x".repeat(201),
      "ä".repeat(101), // whose name has 202 bytes
      5,
      null,
    ];
    const offers: unknown[] = [...names.map((name) => ({ name, size: 1 })), { name: "a" }, {
      name: "a",
      size: -1,
    }];
    offers.push({ name: "a", size: 1.5 }, { name: "a", size: "1" }, [], null, 1);
    for (const offer of offers) {
      const chat = await connect({ port, terminator: framing, encoding: "utf-8" });
      chat.push(framing.encode(JSON.stringify(offer)));
      assertMatch(
        (await chat.read())!,
        /^\{"error":"(no file can be|a file must|expected a)/,
        JSON.stringify(offer),
      );
      assertEquals(await chat.read(), null);
      await chat.closeWhenDone();
    }
    assertEquals([readdirSync(received), readdirSync(folder).length], [[], 1]);
  }));

test("a transfer that is broken off leaves nothing behind", () =>
  withServer(async (port, _folder, received, program) => {
    const begin = async (): Promise<Chat> => {
      const chat = await connect({ port, terminator: framing });
      chat.push(framing.encode('{"name":"half","size":1000}'));
      assertEquals(text((await chat.read())!), '{"ready":true}');
      await chat.push(framing.encode(new Uint8Array(500)));
      return chat;
    };
    const ending = await begin();
    await ending.closeWrite();
    assertMatch(text((await ending.read())!), /the file ended after 500 of 1000 bytes/);
    await ending.closeWhenDone();
    const damaged = await begin();
    damaged.push(framing.encode(new Uint8Array(500)).with(20, 1));
    assertMatch(text((await damaged.read())!), /could not be received/);
    await damaged.closeWhenDone();
    const empty = await begin();
    empty.push(framing.encode(""));
    assertMatch(text((await empty.read())!), /a piece of a file must have bytes/);
    await empty.closeWhenDone();
    const tooMuch = await begin();
    tooMuch.push(framing.encode(new Uint8Array(501)));
    assertMatch(text((await tooMuch.read())!), /more than the 1000 bytes/);
    await tooMuch.closeWhenDone();
    (await begin()).close();
    await program.line(/the checksum of a frame of 500 bytes is wrong/);
    const last = await connect({ port, terminator: framing });
    last.push(framing.encode('{"name":"whole","size":0}'));
    assertMatch(text((await last.read())!), /ready/);
    assertMatch(text((await last.read())!), /"received":0/);
    await last.closeWhenDone();
    // The one that was closed may be cleaned up after the last one was answered.
    await program.interrupt();
    assertEquals(readdirSync(received), ["whole"]);
  }));

test("of two files of one name that come at the same time, one is kept, and the other is told why it is not", () =>
  withServer(async (port, _folder, received) => {
    const chats = [0, 1].map(() => connect({ port, terminator: framing }));
    for (const chat of await Promise.all(chats)) {
      chat.push(framing.encode('{"name":"one","size":5}'));
      assertEquals(text((await chat.read())!), '{"ready":true}');
    }
    const [first, second] = await Promise.all(chats);
    first!.push(framing.encode("first"));
    assertMatch(text((await first!.read())!), /"received":5/);
    second!.push(framing.encode("other"));
    assertEquals(text((await second!.read())!), '{"error":"there is a one already"}');
    await Promise.all([first!.closeWhenDone(), second!.closeWhenDone()]);
    assertEquals(readdirSync(received), ["one"]);
    assertEquals(readFileSync(join(received, "one"), "utf8"), "first");
  }));

test("a server that is stopped in the middle of a file leaves nothing behind, and a folder that is not there is made", () =>
  withFolder(async (folder) => {
    const received = join(folder, "not", "there");
    const args = ["--port", "0", "--folder", received];
    await using program = new Program(
      permitted(PERMISSIONS, CURRENT, "examples/file_server.ts", ...args),
    );
    const chat = await connect({ port: await program.listening(), terminator: framing });
    chat.push(framing.encode('{"name":"half","size":1000}'));
    assertEquals(text((await chat.read())!), '{"ready":true}');
    await chat.push(framing.encode(new Uint8Array(500)));
    const { code, lines } = await program.interrupt();
    assertEquals([code, lines.at(-1)], [0, "stopped"]);
    assertEquals(readdirSync(received), []);
    chat.close();
  }));

test("send_file stops at Ctrl-C, and says in a line what it cannot send", () =>
  withServer(async (port, folder, received) => {
    const directory = await send(port, folder);
    assertEquals(directory.code, 1);
    assertMatch(directory.stderr, /^[^\n]+\n$/);
    assertMatch(directory.stderr, /EISDIR|directory/i);
    const deaf = await listen({ port: 0, terminator: framing });
    const file = join(folder, "file");
    writeFileSync(file, "x".repeat(1_000));
    const args = ["--port", String(deaf.address.port), file];
    await using program = new Program(
      permitted(PERMISSIONS, CURRENT, "examples/send_file.ts", ...args),
    );
    const chat = (await deaf.accept())!;
    await chat.read(); // the offer, which is never answered
    const { code, stderr } = await program.interrupt();
    assertEquals([code, stderr], [1, "stopped\n"]);
    chat.close();
    await deaf.close();
    assertEquals(readdirSync(received), []);
  }));

const python = needs("/usr/bin/python3");
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

test(
  named("a client in Python sends a file", python),
  python,
  () =>
    withServer(async (port, _folder, received) => {
      const client = `${PYTHON}
s = socket.create_connection(("127.0.0.1", ${port})); f = s.makefile("rb")
data = bytes(range(256)) * 1000
s.sendall(frame(json.dumps({"name": "python.bin", "size": len(data)}).encode()))
assert json.loads(read(f)) == {"ready": True}
s.sendall(b"".join(frame(data[i:i + 1000]) for i in range(0, len(data), 1000)))
answer = json.loads(read(f))
assert answer == {"received": len(data), "sha256": hashlib.sha256(data).hexdigest()}, answer
print("fine")`;
      assertEquals(await shellOutput(`/usr/bin/python3 -c '${client}'`), "fine\n");
      assertEquals(readFileSync(join(received, "python.bin")).length, 256_000);
    }),
);

test(
  named("a server in Python receives a file, or says that it has something else", python),
  python,
  () =>
    withFolder(async (folder) => {
      const file = join(folder, "file");
      writeFileSync(file, randomBytes(300_000));
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
        assertMatch(
          wrong.stderr,
          /^the server has 300001 bytes with the SHA-256 [\da-f]+, not 300000/,
        );
      } finally {
        server.kill("SIGKILL");
        await exited;
      }
    }),
);

test("receiveFile() survives 10,000 clients that send nonsense, and keeps nothing of it", () =>
  withFolder(async (folder) => {
    const offer = (name: string, size: number): Uint8Array =>
      framing.encode(JSON.stringify({ name, size }));
    await attack({
      serve: handledBy(
        (connection) => new Chat(connection, { terminator: checksummed() }),
        (chat) =>
          receiveFile(chat, framing, folder, 1_000).catch((error) => {
            if (!(error instanceof TransferError)) throw error;
          }),
      ),
      samples: [
        concat([
          offer("a".repeat(5), 100),
          framing.encode(new Uint8Array(60)),
          framing.encode(new Uint8Array(41)),
        ]),
        concat([offer("../x", 5), framing.encode("hello")]),
        concat([offer("b", 5), framing.encode("hello!")]),
      ],
    });
    assertEquals(readdirSync(folder).filter((name) => name.endsWith(".part")), []);
    assertEquals(existsSync(join(folder, "..", "x")), false);
  }));
