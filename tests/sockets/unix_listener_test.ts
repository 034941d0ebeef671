/** What happens between asking whether somebody listens on a Unix socket, and moving it out of the way. */
import { linkSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { ConnectionError, type ConnectionListener } from "../../mod.ts";
import { listenOnPath } from "../../src/sockets/unix_listener.ts";
import { type Sockets, socketsFor } from "../../src/sockets/runtime_sockets.ts";

const windows = { skip: process.platform === "win32" && "Windows has named pipes instead" };

test(
  "listenOnPath() leaves alone who began to listen after it had asked, whoever comes next",
  windows,
  async () => {
    const sockets = socketsFor();
    const folder = mkdtempSync(join(tmpdir(), "asynchat-"));
    const endpoint = { hostname: "", port: 0, path: join(folder, "a.sock") };
    const { path } = endpoint;
    const before = await sockets.listen(endpoint);
    linkSync(path, `${path}~`);
    before.close();
    await before.closed;
    renameSync(`${path}~`, path); // nobody listens on it

    const others: ConnectionListener[] = [];
    const interrupted: Sockets = {
      listen: (where) => sockets.listen(where),
      async connect(where) {
        try {
          return await sockets.connect(where);
        } finally {
          // The first listens when the question was answered, the next if it is moved.
          rmSync(path, { force: others.length > 0 });
          others.push(await sockets.listen(endpoint));
        }
      },
    };
    const error = await assertRejects(
      () => listenOnPath(interrupted, endpoint),
      ConnectionError,
      path,
    );
    assertStrictEquals(error.code, "in-use");
    assertStrictEquals(others.length, 1);
    const accepted = others[0]!.accept();
    (await sockets.connect(endpoint)).close();
    (await accepted)!.close();
    assertEquals(readdirSync(folder), ["a.sock"]);
    for (const other of others) other.close();
    rmSync(folder, { recursive: true });
  },
);
