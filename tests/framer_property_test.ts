import { test } from "node:test";
import { checkFramer } from "./support/framer_property.ts";
import { checkHostileInput } from "./support/hostile_input.ts";

test("Framer gives what simple models find for any bytes, terminators, options and chunking", () => {
  checkFramer(5_000);
});

test("Framer does not hang, throw what is no ChatError, or hold too much when the input is hostile", () => {
  checkHostileInput(3_000, 200);
  checkHostileInput(25, 64 * 1024);
});
