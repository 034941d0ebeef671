/** `ref()` and `unref()` of connections, and promise 27: what keeps a process alive. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { fromNode, fromStreams, memoryPair, tap } from "../mod.ts";
import { Authority } from "./support/certificates.ts";
import { command, CURRENT, ENV, Program } from "./support/programs.ts";

/** Accepts, and does what it is told on its standard input. */
const PEER = `
const [kind, where] = process.argv.slice(1), sockets = [];
let word;
const act = (socket) => ({ end: () => socket.end(), take: () => socket.resume() })[word]();
const accept = (socket) => {
  sockets.push(socket.on("error", () => {}));
  socket.pause();
  if (word) act(socket); // the client may have been ready before
};
const server = kind === "tls"
  ? require("node:tls").createServer({ cert: process.env.CERT, key: process.env.KEY, allowHalfOpen: true }, accept)
  : require("node:net").createServer({ allowHalfOpen: true }, accept);
server.listen(kind === "unix" ? where : 0, () => console.log(server.address().port ?? where));
process.stdin.on("data", (said) => {
  word = String(said);
  sockets.forEach(act);
});`;

/** A silent peer, in a process of its own. */
class SilentPeer {
  readonly where: string;
  readonly ca: string;
  readonly #folder: string;
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess, folder: string, where: string, ca: string) {
    this.#child = child;
    this.#folder = folder;
    this.where = where;
    this.ca = ca;
  }

  static async start(kind: string): Promise<SilentPeer> {
    const folder = mkdtempSync(join(tmpdir(), "silent-"));
    const authority = kind === "tls" ? new Authority() : undefined;
    const certificate = authority?.sign("DNS:localhost,IP:127.0.0.1");
    const ca = authority ? join(folder, "ca") : "-";
    if (authority) writeFileSync(ca, authority.ca);
    const env = { ...ENV, CERT: certificate?.cert, KEY: certificate?.key };
    const args = ["-e", PEER, kind, join(folder, "socket")];
    const child = spawn("node", args, { stdio: ["pipe", "pipe", "inherit"], env });
    const [where] = await once(child.stdout!, "data");
    return new SilentPeer(child, folder, String(where).trim(), ca);
  }

  tell(word: "end" | "take"): void {
    this.#child.stdin!.write(word);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const exited = once(this.#child, "exit");
    this.#child.kill();
    await exited;
    rmSync(this.#folder, { recursive: true });
  }
}

function start(peer: SilentPeer, ...steps: readonly string[]): Program {
  const line = command(CURRENT, "tests/programs/refs.ts", peer.where, peer.ca, ...steps);
  return new Program(line.map((flag) => flag === "--allow-net" ? "--allow-all" : flag));
}

for (const kind of ["tcp", "unix", "tls"]) {
  test(`a read over ${kind} that waits keeps the process alive until the peer ends`, async () => {
    await using peer = await SilentPeer.start(kind);
    await using program = start(peer, "read");
    await program.line(/ready/);
    peer.tell("end");
    const { code, lines } = await program.finished();
    assertEquals([code, lines], [0, ["ready", "end"]]);
  });

  test(`unref() lets the process end though a read over ${kind} waits, also one that began before`, async () => {
    await using peer = await SilentPeer.start(kind);
    for (const steps of [["unref", "read"], ["read", "unref"], ["ref", "unref", "unref", "read"]]) {
      await using program = start(peer, ...steps);
      const { code, lines } = await program.finished();
      assertEquals([code, lines], [0, ["ready"]]);
    }
  });

  test(`ref() undoes unref() over ${kind}`, async () => {
    await using peer = await SilentPeer.start(kind);
    await using program = start(peer, "unref", "read", "ref");
    await program.line(/ready/);
    peer.tell("end");
    const { code, lines } = await program.finished();
    assertEquals([code, lines], [0, ["ready", "end"]]);
  });

  test(`a write over ${kind} that is under way keeps the process alive, also after unref()`, async () => {
    await using peer = await SilentPeer.start(kind);
    for (const steps of [["unref", "read", "write"], ["read", "write", "unref"]]) {
      await using program = start(peer, ...steps);
      await program.line(/ready/);
      peer.tell("take");
      const { code, lines } = await program.finished();
      assertEquals([code, lines], [0, ["ready", "written"]]);
    }
  });
}

test("ref() and unref() are passed on, and harmless, also when the connection has ended", async () => {
  const [left, right] = memoryPair();
  const calls: string[] = [];
  const log = (name: string) => (): void => void calls.push(name);
  const wrapped = tap(Object.assign(left, { ref: log("ref"), unref: log("unref") }), () => {});
  wrapped.unref!();
  wrapped.ref!();
  assertEquals(calls, ["unref", "ref"]);
  const other = tap(right, () => {});
  other.unref!();
  other.ref!();
  left.close();
  right.close();
  const { PassThrough } = await import("node:stream");
  for (const connection of [fromNode(new PassThrough()), fromStreams(new TransformStream())]) {
    connection.unref?.();
    connection.close();
    connection.ref?.();
    connection.unref?.();
    await connection.closed;
  }
});

test("unref() lets the process end though a child process runs, and what it prints is waited for", async () => {
  const line = command(CURRENT, "tests/programs/unrefs_process.ts");
  await using program = new Program(
    line.map((flag) => flag === "--allow-net" ? "--allow-all" : flag),
  );
  const { code, lines } = await program.finished();
  assertEquals([code, lines], [0, ["ready"]]);
});
