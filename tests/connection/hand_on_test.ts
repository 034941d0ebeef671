import { test } from "node:test";
import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { ClosedError } from "../../mod.ts";
import { handOn } from "../../src/connection/hand_on.ts";
import { bytes, text } from "../support/bytes.ts";
import { ScriptedConnection } from "../support/scripted_connection.ts";

test("handOn() gives what a read that is under way brings first, and asks no second time for it", async () => {
  const connection = new ScriptedConnection();
  const next = handOn(connection, connection.read(), false);
  const first = next.read();
  assertStrictEquals(connection.reads, 1);
  connection.arrive(bytes("first"));
  assertStrictEquals(text(await first), "first");
  connection.arrive(bytes("second"));
  assertStrictEquals(text(await next.read()), "second");
  assertStrictEquals(connection.reads, 2);
});

test("handOn() passes everything else on", async () => {
  const connection = new ScriptedConnection();
  const next = handOn(connection, Promise.resolve(null), false);
  await next.write(bytes("data"));
  await next.closeWrite();
  assertStrictEquals(text(connection.writes[0]!), "data");
  assert(connection.writeEnded);
  const reason = new Error("enough");
  next.close(reason);
  assertStrictEquals(connection.closes[0], reason);
  assertStrictEquals(next.closed, connection.closed);
  assertStrictEquals(next.localAddress, connection.localAddress);
  assertStrictEquals(next.remoteAddress, connection.remoteAddress);
});

test("handOn() gives the connection itself when no read is under way, and its direction was not ended", () => {
  const connection = new ScriptedConnection();
  assertStrictEquals(handOn(connection, undefined, false), connection);
});

test("handOn() ends a direction that was ended before no second time, and refuses to write to it", async () => {
  const connection = new ScriptedConnection();
  const next = handOn(connection, undefined, true);
  await next.closeWrite();
  assert(!connection.writeEnded);
  await assertRejects(() => next.write(bytes("too late")), ClosedError, "handed on");
  assertEquals(connection.writes, []);
  connection.arrive(bytes("still read"));
  assertStrictEquals(text((await next.read())!), "still read");
});
