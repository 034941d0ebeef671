/**
 * How a client and the server talk: lines, and behind some of them as many bytes as they say.
 *
 *     C: JOB 1 upper 5\n        the client's name for it, what is to be done, and how many bytes follow
 *     C: hello
 *     S: QUEUED 1\n             the queue has it
 *     S: DONE 1 5\n             how many bytes the result has; or FAILED, and the reason
 *     S: HELLO
 *     C: hello\n
 *     S: ERR expected ...\n     what is no job: nothing more is read, what is under way is still answered, and that is the end
 *
 * Many jobs may be under way at a time, and their results come in any order. Empty lines are passed over: the end of line behind a
 * body, for the sake of people in front of `nc`, is one, and who waits for long shows with one that it is still there.
 */
import { type Framing, lines, MalformedFrameError } from "../../mod.ts";
import { LONGEST_BODY, type Outcome } from "./job.ts";

export const LINE: Framing = lines();
/** The longest line, in bytes; an `ERR` that quotes one is shorter than this. */
export const LONGEST_LINE: number = 256;

/** What the line in front of a job says. */
export interface JobHeader {
  readonly id: string;
  readonly kind: string;
  readonly length: number;
}

/** What the server says. */
export type Answer =
  | { readonly type: "QUEUED"; readonly id: string }
  | { readonly type: "DONE" | "FAILED"; readonly id: string; readonly length: number }
  | { readonly type: "ERR"; readonly reason: string };

const JOB = /^JOB ([!-~]{1,64}) ([\w.-]{1,32}) (\d{1,9})$/;
const RESULT = /^(DONE|FAILED) ([!-~]{1,64}) (\d{1,9})$/;
const QUEUED = /^QUEUED ([!-~]{1,64})$/;
const decoder = new TextDecoder();

/**
 * Reads the line in front of a job.
 * @throws {MalformedFrameError} If it is none, or announces too much.
 */
export function parseJob(line: Uint8Array, longest: number): JobHeader {
  const [, id, kind, digits] = decoder.decode(line).match(JOB) ?? [];
  if (id === undefined || kind === undefined) {
    throw new MalformedFrameError(`expected JOB <id> <kind> <length>, not ${quote(line)}`, {
      bytes: line,
    });
  }
  const length = Number(digits);
  if (length <= longest) return { id, kind, length };
  throw new MalformedFrameError(`a job has at most ${longest} bytes, not ${length}`, {
    bytes: line,
  });
}

/** The line in front of a job: behind it, the body is sent. */
export function formatJob({ id, kind, length }: JobHeader): string {
  const line = `JOB ${id} ${kind} ${length}`;
  if (JOB.test(line)) return `${line}\n`;
  throw new RangeError(
    `a job has a kind of 1 to 32 letters, digits, "_", "." and "-", not ${JSON.stringify(kind)}`,
  );
}

/**
 * Reads a line of the server.
 * @throws {MalformedFrameError} If it is none.
 */
export function parseAnswer(line: Uint8Array): Answer {
  const text = decoder.decode(line);
  const [, type, id, digits] = text.match(RESULT) ?? [];
  const length = Number(digits);
  if (id !== undefined && length <= LONGEST_BODY) {
    return { type: type === "DONE" ? "DONE" : "FAILED", id, length };
  }
  const [, queued] = text.match(QUEUED) ?? [];
  if (queued !== undefined) return { type: "QUEUED", id: queued };
  if (text.startsWith("ERR ")) return { type: "ERR", reason: text.slice("ERR ".length) };
  throw new MalformedFrameError(`the server says ${quote(line)}, which is no answer`, {
    bytes: line,
  });
}

/** The line in front of what has become of a job. */
export function formatOutcome(id: string, { isDone, data }: Outcome): string {
  return `${isDone ? "DONE" : "FAILED"} ${id} ${data.length}\n`;
}

/** The beginning of a line, which may be anything. */
const quote = (line: Uint8Array): string => JSON.stringify(decoder.decode(line.subarray(0, 40)));
