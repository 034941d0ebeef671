/** The system's errors that no real peer can be made to bring about each time: see connection_errors_test.ts for the others. */
import { test } from "node:test";
import { assertEquals, assertStrictEquals } from "@std/assert";
import { ConnectionError } from "../../../mod.ts";
import { toConnectionError } from "../../../src/adapters/shared/system_error.ts";

const ATTEMPT = "connect to 127.0.0.1:6000";

test("toConnectionError() says in one word and one sentence what the system's code means", () => {
  for (
    const [system, code, end] of [
      ["ETIMEDOUT", "timeout", "the peer did not answer in time"],
      ["EHOSTUNREACH", "unreachable", "no way leads there"],
      ["ENETDOWN", "unreachable", "no way leads there"],
      ["ECONNABORTED", "reset", "the connection was reset by the peer"],
      ["EAI_AGAIN", "not-found", "the host name has no address"],
      ["EINVAL", "other", "the system's own words"],
    ] as const
  ) {
    const cause = Object.assign(new Error("the system's own words"), { code: system });
    const error = toConnectionError(cause, ATTEMPT);
    assertEquals([error.code, error.message, error.cause], [
      code,
      `cannot ${ATTEMPT}: ${end}`,
      cause,
    ]);
  }
});

test("toConnectionError() passes on the error of a connection that another is made of", () => {
  const cause = new ConnectionError("reset", "cannot read from 127.0.0.1:6000: it broke");
  assertStrictEquals(toConnectionError(cause, "read from the peer"), cause);
});
