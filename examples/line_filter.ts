/**
 * A filter in a pipe: numbers the lines that come in, and ends quietly when nobody reads what goes out.
 *
 *     seq 100 110 | npx tsx examples/line_filter.ts
 *     seq 100 110 | npx deno run examples/line_filter.ts --prefix "line " | head -n 3
 *     yes | npx bun examples/line_filter.ts | head -n 3
 */
import { Chat, ConnectionError } from "../mod.ts";
import { fromStdio } from "../src/process/mod.ts";
import { readOptions, runProgram } from "./command_line.ts";

const USAGE = "usage: line_filter [--prefix TEXT]   (numbers the lines of its standard input)";
const { prefix } = readOptions(USAGE, { prefix: "" });

await runProgram(async () => {
  // Bytes, so that any text comes out as it went in. The last line may have no end.
  const chat = new Chat(fromStdio(), {
    terminator: "\n",
    incomplete: "yield",
    maxFrameLength: Infinity,
  });
  let count = 0;
  try {
    for await (const line of chat) await chat.push(`${prefix}${++count}: `, line, "\n");
    await chat.closeWhenDone();
  } catch (error) {
    // `| head -n 3` has seen enough.
    if (!(error instanceof ConnectionError && error.code === "reset")) throw error;
  }
});
