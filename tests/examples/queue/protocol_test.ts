import { test } from "node:test";
import { assertEquals, assertThrows } from "@std/assert";
import { done, failed, LONGEST_BODY } from "../../../examples/queue/job.ts";
import {
  type Answer,
  formatJob,
  formatOutcome,
  parseAnswer,
  parseJob,
} from "../../../examples/queue/protocol.ts";
import { MalformedFrameError } from "../../../mod.ts";
import { bytes, text } from "../../support/bytes.ts";

test("parseJob() reads what formatJob() writes", () => {
  const jobs = [{ id: "1", kind: "upper", length: 0 }, {
    id: "a/b:7#".repeat(10),
    kind: "resize-image.v2_x",
    length: 1_000,
  }];
  for (const job of jobs) {
    const line = formatJob(job);
    assertEquals(line.at(-1), "\n");
    assertEquals(parseJob(bytes(line.slice(0, -1)), 1_000), job);
  }
});

test("parseJob() refuses what is no job, and quotes its beginning", () => {
  const wrong: readonly (readonly [string, string])[] = [
    ["job 1 upper 5", 'expected JOB <id> <kind> <length>, not "job 1 upper 5"'],
    ["JOB 1 upper", "expected JOB"],
    ["JOB 1 upper 5 6", "expected JOB"],
    ["JOB 1 upper -5", "expected JOB"],
    ["JOB 1 upper 5.0", "expected JOB"],
    ["JOB 1 up/per 5", "expected JOB"],
    ["JOB  upper 5", "expected JOB"],
    [`JOB ${"1".repeat(65)} upper 5`, "expected JOB"],
    ["JOB ä upper 5", "expected JOB"],
    ["JOB 1 upper 1001", "a job has at most 1000 bytes, not 1001"],
    ["x".repeat(200), `"${"x".repeat(40)}"`],
  ];
  for (const [line, message] of wrong) {
    assertThrows(() => parseJob(bytes(line), 1_000), MalformedFrameError, message);
  }
});

test("formatJob() refuses a kind that is no word", () => {
  for (const kind of ["", "two words", "a\nb", "x".repeat(33)]) {
    assertThrows(() => formatJob({ id: "1", kind, length: 0 }), RangeError, JSON.stringify(kind));
  }
});

test("parseAnswer() reads each thing that a server says, and nothing else", () => {
  const answers: readonly (readonly [string, Answer])[] = [
    ["QUEUED 1", { type: "QUEUED", id: "1" }],
    ["DONE a:b 0", { type: "DONE", id: "a:b", length: 0 }],
    ["FAILED 7 12", { type: "FAILED", id: "7", length: 12 }],
    ["ERR no, not this", { type: "ERR", reason: "no, not this" }],
  ];
  for (const [line, answer] of answers) assertEquals(parseAnswer(bytes(line)), answer);
  const none = ["", "DONE 1", "QUEUED", "QUEUED 1 2", "OK", `DONE 1 ${LONGEST_BODY + 1}`, "ERR"];
  for (const line of none) {
    assertThrows(() => parseAnswer(bytes(line)), MalformedFrameError, "no answer");
  }
});

test("an outcome says how long it is, and is never too long", () => {
  assertEquals(formatOutcome("1", done(bytes("häppy"))), "DONE 1 6\n");
  assertEquals(formatOutcome("1", failed("no")), "FAILED 1 2\n");
  const { isDone, data } = done(new Uint8Array(LONGEST_BODY + 1));
  assertEquals([isDone, text(data)], [
    false,
    `the result has ${LONGEST_BODY + 1} bytes: at most ${LONGEST_BODY} are taken`,
  ]);
  assertEquals(failed("x".repeat(5_000)).data.length, 1_000);
});
