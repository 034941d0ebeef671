import { test } from "node:test";
import { checkFramer } from "./support/framer_property.ts";

test("Framer gives the frames of a simple model for any bytes, terminators and chunking", () => {
  checkFramer(5_000);
});
