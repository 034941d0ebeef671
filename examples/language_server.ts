/**
 * A language server, as small as one can be: an editor starts it, and talks to it over its standard input and output. It marks
 * each TODO of the documents that it is shown. An editor is given one of these commands:
 *
 *     npx tsx examples/language_server.ts
 *     npx deno run examples/language_server.ts
 *     npx bun examples/language_server.ts
 */
import process from "node:process";
import { Chat } from "../mod.ts";
import { fromStdio } from "../src/process/mod.ts";
import { jsonRpc, type Message } from "./json_rpc.ts";

interface Opened {
  readonly textDocument: { readonly uri: string; readonly text: string };
}

interface Position {
  readonly line: number;
  readonly character: number;
}

interface Diagnostic {
  readonly range: { readonly start: Position; readonly end: Position };
  readonly severity: number;
  readonly message: string;
}

const INFORMATION = 3;
const PARSE_ERROR = -32700;
const METHOD_NOT_FOUND = -32601;

const chat = new Chat(fromStdio(), { terminator: jsonRpc, maxFrameLength: 64 * 1024 * 1024 });
let isShutDown = false;

for await (const message of chat) {
  if (message instanceof SyntaxError) {
    const error = { code: PARSE_ERROR, message: message.message };
    await chat.send({ id: null, error });
  } else if (message.method === "exit") {
    break;
  } else {
    await answer(message);
  }
}
await chat.closeWhenDone();
process.exitCode = isShutDown ? 0 : 1; // as the protocol has it

async function answer({ id, method, params }: Message): Promise<void> {
  if (method === "textDocument/didOpen") {
    const { uri, text } = (params as Opened).textDocument;
    const diagnostics = todosIn(text);
    await chat.send({
      method: "textDocument/publishDiagnostics",
      params: { uri, diagnostics },
    });
  }
  if (id === undefined) return; // a notification has no answer
  if (method === "shutdown") isShutDown = true;
  const results: Readonly<Record<string, unknown>> = {
    initialize: { capabilities: { textDocumentSync: 1 }, serverInfo: { name: "todo" } },
    shutdown: null,
  };
  const result = results[method ?? ""];
  const error = { code: METHOD_NOT_FOUND, message: `there is no method ${method}` };
  await chat.send(result === undefined ? { id, error } : { id, result });
}

function todosIn(document: string): Diagnostic[] {
  return document.split("\n").flatMap((text, line) =>
    [...text.matchAll(/TODO/g)].map(({ index }) => ({
      range: { start: { line, character: index }, end: { line, character: index + 4 } },
      severity: INFORMATION,
      message: text.slice(index).trim(),
    }))
  );
}
