import { test } from "node:test";
import { assertStrictEquals } from "@std/assert";
import { tell, unlessThrown } from "../../src/common/unless_thrown.ts";
import { nextTurn } from "../support/turn.ts";

test("unlessThrown() gives what the call gives, and undefined when it throws", () => {
  assertStrictEquals(unlessThrown(() => 5), 5);
  assertStrictEquals(
    unlessThrown(() => {
      throw new Error("nobody's");
    }),
    undefined,
  );
});

test("tell() troubles nobody with what it calls throws, now or later", async () => {
  let told = 0;
  tell(() => told++);
  tell(() => {
    told++;
    throw new Error("now");
  });
  tell(() => {
    told++;
    return Promise.reject(new Error("later")); // unhandled, it would fail the test
  });
  assertStrictEquals(told, 3);
  await nextTurn();
});
