import { test } from "node:test";
import { assertStrictEquals } from "@std/assert";
import { netstring } from "../../mod.ts";
import { hex, text } from "../support/bytes.ts";
import { checkCuts, malformed, peersFault, tooLong } from "../support/framing_tables.ts";

test("netstring() reads the payload between the length and the comma, however the bytes arrive", () => {
  checkCuts(netstring(), "12:hello world!,", ["hello world!"]);
  checkCuts(netstring(), "0:,5:hello,0:,0:,6:world!,", ["", "hello", "", "", "world!"]);
  checkCuts(netstring(), "3:1:,,10:0123456789,", ["1:,", "0123456789"]);
  checkCuts(netstring(), "4:né!,1:\n,", ["né!", "\n"]);
});

/** What can be no length, as far as it is read, and what is said of it. */
const MALFORMED: [wrong: string, part: string][] = [
  ...[":", ",", "-", "+", " ", "x", "/", "5,", "1 ", "12.", "1e"]
    .map((wrong): [string, string] => [wrong, `must be digits and a colon: "${wrong}"`]),
  ["00", 'must not begin with 0: "00"'],
  ["05", 'must not begin with 0: "05"'],
  ["12345678901234567", 'at most 16 digits: "12345678901234567"'],
  ["9007199254740991:", "less than 9007199254740974"],
  ["9999999999999999:", "less than 9007199254740974"],
];

test("netstring() refuses what can be no length with the byte that tells so, and the next frame begins behind it", () => {
  for (const [wrong, part] of MALFORMED) {
    const error = malformed(part, wrong);
    checkCuts(netstring(), `${wrong}2:ok,${wrong}`, [error, "ok", error]);
  }
  for (const wrong of ["3100", "3180", "31b5", "31ff"].map(hex)) {
    checkCuts(netstring(), wrong, [malformed("digits and a colon", wrong)]);
  }
});

test("netstring() refuses a frame without its comma, and the next one begins behind that place", () => {
  for (const [wrong, found] of [["3:abc;", ";"], ["3:abcd", "d"], ["0:0", "0"], ["2:é\n", "\\n"]]) {
    checkCuts(netstring(), `${wrong}2:ok,`, [malformed(`followed by ",", not "${found}"`), "ok"]);
  }
});

test("netstring() never takes the peer's length for a fault of its own", () => {
  // With the length before it and the comma after it, the frame would end where no number is exact.
  for (const length of ["9007199254740990", "9007199254740974"]) {
    const error = peersFault("must be less than 9007199254740974");
    checkCuts(netstring(), `${length}:`, [error], { maxFrameLength: 9 });
  }
  checkCuts(netstring(), "9007199254740973:", [tooLong(9, 9007199254740973)], {
    maxFrameLength: 9,
  });
});

test("netstring() takes a length for too long at its colon, whatever follows the frame", () => {
  for (const length of [3, 100]) {
    checkCuts(netstring(), `${length}:`, [tooLong(2, length)], { maxFrameLength: 2 });
  }
  checkCuts(netstring(), "3:abc;1:x,", [tooLong(2, 3), "x"], { maxFrameLength: 2 });
});

test("netstring().encode() adds length, colon and comma", () => {
  for (const [payload, encoded] of [["", "0:,"], ["né!", "4:né!,"], ["a,b:c", "5:a,b:c,"]]) {
    assertStrictEquals(text(netstring().encode(payload!)), encoded);
  }
});
