import { test } from "node:test";
import { assertStrictEquals } from "@std/assert";
import { describeBytes } from "../../src/common/bytes.ts";
import { bytes } from "../support/bytes.ts";

test("describeBytes() shows text as text, what is no text byte by byte, and no more than 40 bytes", () => {
  const described: readonly [Uint8Array, string][] = [
    [bytes(""), '""'],
    [bytes('say "hi"\r\n\0'), '"say \\"hi\\"\\r\\n\\u0000"'],
    [bytes("\x1b[31m \x7f \u009b31m"), '"\\u001b[31m \\u007f \\u009b31m"'],
    [bytes("años €5"), '"años €5"'],
    [bytes("\ufeffx"), '"\ufeffx"'],
    [Uint8Array.of(0x61, 0x0a, 0x80, 0xff), '"a\\n\\x80\\xff"'],
    [bytes("é").subarray(0, 1), '"\\xc3"'],
    [bytes("x".repeat(41)), `"${"x".repeat(40)}"...`],
    [bytes(`${"x".repeat(39)}é`), `"${"x".repeat(39)}"...`],
  ];
  for (const [data, expected] of described) assertStrictEquals(describeBytes(data), expected);
});
