import { test } from "node:test";
import { assertInstanceOf, assertRejects } from "@std/assert";
import { Chat, ConnectionError, fromDeno } from "../../mod.ts";
import type { DenoConnLike } from "../../src/net/deno.ts";

/** A connection that somebody else has closed: whatever is done with it fails, as with Deno's. */
function closedConn(): DenoConnLike {
  const fail = (): never => {
    throw new Error("Bad resource ID");
  };
  const reject = (): Promise<never> => Promise.reject(new Error("Bad resource ID"));
  const address = { transport: "tcp", hostname: "127.0.0.1", port: 1 };
  return {
    read: reject,
    write: reject,
    closeWrite: reject,
    close: fail,
    localAddr: address,
    remoteAddr: address,
  };
}

test("fromDeno() of a connection that somebody else has closed rejects, and is closed", async () => {
  const chat = new Chat(fromDeno(closedConn()), { terminator: "\n" });
  await assertRejects(() => chat.read(), ConnectionError, "Bad resource ID");
  assertInstanceOf(await chat.closed, ConnectionError);

  const other = fromDeno(closedConn());
  other.close();
  await other.closed;
});
