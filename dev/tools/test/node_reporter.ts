/** What `node:test` reports on Node, as events. */
import { inspect } from "node:util";
import { report, type TestEvent } from "./events.ts";

interface NodeEvent {
  readonly type: string;
  readonly data: {
    readonly name: string;
    readonly nesting: number;
    readonly skip?: string | boolean;
    readonly message: string;
    readonly details?: { readonly duration_ms: number; readonly error?: Error };
  };
}

const COUNTS = /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) /;
const NOT_WANTED = /^test name does not match pattern/;

function eventOf({ type, data }: NodeEvent): TestEvent | undefined {
  const { name, nesting, skip, details, message } = data;
  if (type === "test:diagnostic") {
    return COUNTS.test(message) ? undefined : { type: "note", text: message };
  }
  if (nesting > 0) return undefined;
  const time = details?.duration_ms ?? 0;
  switch (type) {
    case "test:dequeue":
      return { type: "begin", name };
    case "test:fail":
      return { type: "failed", name, time, detail: inspect(details?.error?.cause ?? details) };
    case "test:pass":
      if (NOT_WANTED.test(String(skip))) return { type: "unwanted", name };
      return { type: skip === undefined ? "passed" : "skipped", name, time };
    default:
      return undefined;
  }
}

/** Gives nothing to print: the runner says what there is to say. */
// deno-lint-ignore require-yield
export default async function* reporter(source: AsyncIterable<NodeEvent>): AsyncGenerator<string> {
  for await (const each of source) {
    const event = eventOf(each);
    if (event !== undefined) report(event);
  }
}
