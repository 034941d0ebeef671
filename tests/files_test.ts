/** Files as frames: `node:fs` is on every runtime, and Deno and Bun have ways of their own. */
import {
  createReadStream,
  createWriteStream,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { Chat, type Connection, ConnectionError, fromIterable, fromStreams } from "../mod.ts";
import { named } from "./support/peers.ts";
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
  const skip = only !== undefined && only !== CURRENT && `${CURRENT} has no ${name}`;
  test(
    named(`a chat writes a file by ${name}, and reads it as frames, in a little memory`, { skip }),
    { skip },
    async () => {
      using folder = new Folder();
      const path = folder.file("lines");
      const output = new Chat(await write(path), LINES);
      function* more(): Generator<string> {
        for (let i = 0; i < 100; i++) yield `line ${i}\n`;
        for (let i = 0; i < 16; i++) yield "x".repeat(MEGABYTE);
      }
      await output.send("zwölf");
      output.push(more(), "\nthe last one");
      await output.closeWhenDone();
      assertStrictEquals(await output.closed, undefined);

      const input = new Chat(await read(path), LINES);
      assertStrictEquals(await input.read(), "zwölf");
      for (let i = 0; i < 100; i++) assertStrictEquals(await input.read(), `line ${i}`);
      for (let i = 0; i < 16; i++) {
        const frame = await input.readBytes(MEGABYTE);
        assert(frame!.every((byte) => byte === 120));
        const { buffered } = input.stats;
        assert(buffered < MEGABYTE, `${buffered} bytes were read ahead`);
      }
      const rest = [await input.read(), await input.read(), await input.read()];
      assertEquals(rest, ["", "the last one", null]);
      assertStrictEquals(await input.closed, undefined);

      for (const reads of [0, 1]) {
        const left = new Chat(await read(path), LINES);
        if (reads > 0) await left.read();
        left.close();
        assertStrictEquals(await left.closed, undefined);
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
