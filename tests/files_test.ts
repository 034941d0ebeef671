/** Files as frames: `node:fs` is on every runtime, and Deno and Bun have ways of their own. */
import {
  createReadStream,
  createWriteStream,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { Chat, type Connection, ConnectionError, fromIterable, fromStreams } from "../mod.ts";
import { CURRENT } from "./support/programs.ts";

const MEGABYTE = 1024 * 1024;
const LINES = { terminator: "\n", encoding: "utf-8", incomplete: "yield" } as const;

/** How a runtime opens a file for reading, and for writing. */
interface Way {
  readonly name: string;
  /** Where it is; everywhere, if it is not said. */
  readonly only?: string;
  read(path: string): Connection | Promise<Connection>;
  write(path: string): Connection | Promise<Connection>;
}

interface DenoFile {
  readonly readable: ReadableStream<Uint8Array>;
  readonly writable: WritableStream<Uint8Array>;
}

interface BunFile {
  stream(): ReadableStream<Uint8Array>;
  writer(): {
    write(chunk: Uint8Array): number;
    flush(): number | Promise<number>;
    end(error?: Error): number | Promise<number>;
  };
}

const { Deno, Bun } = globalThis as unknown as {
  Deno: { open(path: string, options?: Record<string, boolean>): Promise<DenoFile> };
  Bun: { file(path: string): BunFile };
};

const WAYS: readonly Way[] = [
  {
    name: "node:fs",
    read: (path) => fromIterable(createReadStream(path)),
    write: (path) => fromIterable([], createWriteStream(path)),
  },
  {
    name: "Deno.open()",
    only: "deno",
    async read(path) {
      const { readable } = await Deno.open(path);
      return fromStreams({ readable });
    },
    async write(path) {
      const { writable } = await Deno.open(path, { write: true, create: true, truncate: true });
      return fromStreams({ writable });
    },
  },
  {
    name: "Bun.file()",
    only: "bun",
    read: (path) => fromStreams({ readable: Bun.file(path).stream() }),
    write(path) {
      const writer = Bun.file(path).writer();
      return fromIterable([], {
        async write(chunk) {
          writer.write(chunk);
          await writer.flush();
        },
        end: () => writer.end(),
        fail: () => writer.end(),
      });
    },
  },
];

/** A folder that is gone when the test is over. */
class Folder {
  readonly #path: string = mkdtempSync(join(tmpdir(), "asynchat-"));

  file(name: string): string {
    return join(this.#path, name);
  }

  [Symbol.dispose](): void {
    rmSync(this.#path, { recursive: true });
  }
}

for (const { name, only, read, write } of WAYS) {
  const skip = only !== undefined && only !== CURRENT;
  const where = skip ? ` (${CURRENT} has no ${name})` : "";

  test(`a chat writes a file by ${name}, and reads it as frames${where}`, { skip }, async () => {
    using folder = new Folder();
    const path = folder.file("lines");
    const output = new Chat(await write(path), LINES);
    await output.send("zwölf");
    function* more(): Generator<string> {
      for (let i = 0; i < 1_000; i++) yield `line ${i}\n`;
    }
    output.push(more(), "x".repeat(MEGABYTE), "\nthe last one");
    await output.closeWhenDone();
    assertStrictEquals(await output.closed, undefined);

    const input = new Chat(await read(path), LINES);
    assertStrictEquals(await input.read(), "zwölf");
    for (let i = 0; i < 1_000; i++) assertStrictEquals(await input.read(), `line ${i}`);
    assertEquals(await input.readBytes(), new Uint8Array(MEGABYTE).fill(120));
    assertStrictEquals(await input.read(), "the last one");
    assertStrictEquals(await input.read(), null);
    assertStrictEquals(await input.closed, undefined);
  });

  test(`a chat reads a large file by ${name} in a little memory${where}`, { skip }, async () => {
    using folder = new Folder();
    const path = folder.file("zeros");
    writeFileSync(path, "");
    truncateSync(path, 16 * MEGABYTE + 5);
    const input = new Chat(await read(path), { terminator: MEGABYTE, incomplete: "yield" });
    let length = 0;
    let most = 0;
    for await (const frame of input) {
      length += frame.length;
      most = Math.max(most, input.stats.buffered);
    }
    assertStrictEquals(length, 16 * MEGABYTE + 5);
    assert(most < 2 * MEGABYTE, `${most} bytes were read ahead`);
  });

  test(
    `a chat that is closed leaves a file that is read by ${name}${where}`,
    { skip },
    async () => {
      using folder = new Folder();
      const path = folder.file("lines");
      writeFileSync(path, "one\ntwo\n".repeat(100_000));
      for (const reads of [0, 1]) {
        const input = new Chat(await read(path), LINES);
        if (reads > 0) assertStrictEquals(await input.read(), "one");
        input.close();
        assertStrictEquals(await input.closed, undefined);
      }
    },
  );
}

test("a chat copies a file with a producer, as fast as it can be written", async () => {
  using folder = new Folder();
  const [from, to] = [folder.file("from"), folder.file("to")];
  const data = new Uint8Array(8 * MEGABYTE).map((_, i) => i * 31 >> 3);
  writeFileSync(from, data);
  const output = new Chat(fromIterable([], createWriteStream(to)), { terminator: null });
  output.push(new Chat(fromIterable(createReadStream(from)), { terminator: null }));
  await output.closeWhenDone();
  assertEquals(new Uint8Array(readFileSync(to)), data);
});

test("a chat over a file that is not there reports what the system says", async () => {
  using folder = new Folder();
  const input = new Chat(fromIterable(createReadStream(folder.file("none"))), LINES);
  const read = await assertRejects(() => input.read(), ConnectionError, "ENOENT");
  assertEquals([read.code, (read.cause as { code?: string }).code], ["not-found", "ENOENT"]);

  const nowhere = createWriteStream(join(folder.file("none"), "file"));
  const output = new Chat(fromIterable([], nowhere), LINES);
  output.push("lost\n");
  await assertRejects(() => output.closeWhenDone(), ConnectionError, "no such file");
  assertStrictEquals(((await output.closed)!.cause as { code?: string }).code, "ENOENT");
});
