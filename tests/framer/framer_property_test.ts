import { test } from "node:test";
import { checkReading, checkSending } from "../support/framer_property.ts";

test("Framer gives what simple models find for any bytes, terminators, options and chunking", () => {
  checkReading(3_000);
});

test("Framer.encode() gives what simple models make, and read as the same payloads", () => {
  checkSending(1_500);
});
