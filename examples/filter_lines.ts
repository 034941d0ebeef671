/**
 * Copies the lines that contain a text from one file to another, whatever their size: a file is read as frames, and written as
 * such.
 *
 *     npx tsx examples/filter_lines.ts --text error --from server.log --to errors.log
 *     npx deno run --allow-read --allow-write examples/filter_lines.ts --text error --from server.log --to errors.log
 *     npx bun examples/filter_lines.ts --text error --from server.log --to errors.log
 */
import { createReadStream, createWriteStream } from "node:fs";
import { Chat, type ChatOptions, fromIterable } from "../mod.ts";
import { readOptions, runProgram } from "./command_line.ts";

const USAGE = "usage: filter_lines --text TEXT --from FILE --to FILE";
const { text, from, to } = readOptions(USAGE, { text: "error", from: "", to: "" });
const LINES = { terminator: "\n", encoding: "utf-8", incomplete: "yield" } satisfies ChatOptions;

await runProgram(async () => {
  const input = new Chat(fromIterable(createReadStream(from)), LINES);
  const output = new Chat(fromIterable([], createWriteStream(to)), LINES);

  let copied = 0;
  for await (const line of input) {
    if (!line.includes(text)) continue;
    await output.send(line); // waits while the file is slower than we are
    copied++;
  }
  await output.closeWhenDone();
  console.log(`${copied} lines contain ${JSON.stringify(text)}`);
});
