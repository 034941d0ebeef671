/** Promise 28: a deadline blames the peer only for time in which the program could have seen it. */
import { test } from "node:test";
import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import { connect, listen } from "../../mod.ts";
import { Deadline } from "../../src/common/deadline.ts";
import { beBusy, beBusyUntil, LivePeer } from "../support/busy.ts";
import { Authority } from "../support/certificates.ts";

const authority = new Authority();
const certificate = authority.sign("DNS:localhost,IP:127.0.0.1");
const { ca } = authority;
const LINES = { terminator: 1 } as const;

/** How long a deadline is, and how long the program is busy. Milliseconds. */
const SHORT = 100;
const BUSY = 250;

test("Deadline calls when the time has passed, and not before", async () => {
  const start = performance.now();
  await new Promise<void>((resolve) => new Deadline(50, resolve));
  assert(performance.now() - start >= 49);
  const again = performance.now();
  await new Promise<void>((resolve) => new Deadline(50, resolve, 4));
  assert(performance.now() - again >= 49);
});

test("Deadline does not call when it is cleared: before its time, in the turn of I/O, or in a part of several", async () => {
  const calls: string[] = [];
  const early = new Deadline(1, () => calls.push("early"));
  early.clear();
  const inTime = new Deadline(1, () => calls.push("in time"));
  const inParts = new Deadline(3, () => calls.push("in parts"), 3);
  // This timer fires behind theirs, in the same turn.
  setTimeout(() => {
    inTime.clear();
    inParts.clear();
  }, 1);
  beBusy(10);
  await new Promise<void>((resolve) => new Deadline(20, resolve));
  inTime.clear();
  assertEquals(calls, []);
});

test("Deadline takes the timer of a test that has put another in its place", () => {
  const { setTimeout, clearTimeout } = globalThis;
  const calls: unknown[] = [];
  Object.assign(globalThis, {
    setTimeout: (_call: () => void, time: number) => calls.push(time),
    clearTimeout: (timer: number) => calls.push(-timer),
  });
  try {
    new Deadline(1_000, () => {}).clear();
  } finally {
    Object.assign(globalThis, { setTimeout, clearTimeout });
  }
  assertEquals(calls, [1_000, -1]);
});

for (const kind of ["tcp", "unix", "tls"] as const) {
  test(`Deadline does not blame a peer over ${kind} that has answered while the program was busy, but one that is silent`, async () => {
    await using peer = await LivePeer.start(kind, certificate);
    const where = kind === "unix" ? { path: peer.path } : { port: peer.port };
    const tls = kind === "tls" ? { ca } : undefined;
    await using chat = await connect({ ...where, tls, ...LINES });
    const connection = chat.detach().connection;
    let blamed = 0;
    for (let i = 0; i < 4; i++) {
      const reading = connection.read();
      await connection.write(Uint8Array.of(i));
      const deadline = new Deadline(SHORT, () => blamed++);
      // Others have their turns, and are busy, too.
      setTimeout(() => beBusy(SHORT), SHORT);
      setTimeout(() => beBusy(SHORT), SHORT);
      peer.beBusyWhileItAnswers(BUSY);
      assertEquals(await reading, Uint8Array.of(i));
      deadline.clear();
    }
    assertStrictEquals(blamed, 0);
    void connection.read().catch(() => {});
    await new Promise<void>((resolve) => new Deadline(SHORT, resolve));
    connection.close();
    await connection.closed;
  });
}

test("connect() does not time out when the program is busy, and the server is there", async () => {
  await using peer = await LivePeer.start("tcp");
  const connecting = connect({ port: peer.port, timeout: SHORT, ...LINES });
  await beBusyUntil(connecting, BUSY);
  (await connecting).close();
});

test("connect() does not time out when the program is busy during the handshake", async () => {
  await using peer = await LivePeer.start("tls", certificate);
  for (const times of [{ timeout: SHORT }, { tls: { ca, handshakeTimeout: SHORT } }]) {
    const connecting = connect({ port: peer.port, tls: { ca }, ...LINES, ...times });
    await beBusyUntil(connecting, BUSY);
    (await connecting).close();
  }
});

/** Connects over TLS, and sends a byte. */
const CLIENT = `
const socket = require("node:tls").connect({ port: Number(process.argv[1]), rejectUnauthorized: false });
socket.on("secureConnect", () => socket.write("x")).on("error", () => {});
`;

test("listen() does not time a client out that shakes hands while the program is busy", async () => {
  const { spawn } = await import("node:child_process");
  const failures: Error[] = [];
  const onError = (error: unknown): void => void failures.push(error as Error);
  const tls = { ...certificate, handshakeTimeout: SHORT };
  const listener = await listen({ port: 0, tls, onError, ...LINES });
  const child = spawn("node", ["-e", CLIENT, String(listener.address.port)], { stdio: "inherit" });
  const accepted = listener.accept();
  await beBusyUntil(accepted, BUSY);
  const chat = (await accepted)!;
  assertEquals(await chat.read(), Uint8Array.of(120));
  assertEquals(failures, []);
  child.kill();
  chat.close();
  await listener.close();
});
