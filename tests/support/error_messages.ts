/** The messages of the errors that the source makes, as its text has them: `"expected a port, not …"`. */
import { readdirSync, readFileSync } from "node:fs";

export interface ErrorMessage {
  /** The class of the error. */
  readonly name: string;
  /** The message, with "…" for what is not known before it is made. */
  readonly message: string;
}

/** Classes whose first argument is their code, or what the runtimes' own errors have. */
const CODED = /^(Chat|Connection)Error$/;
/** A plain `Error` is only ever the cause of one of these. */
const ERROR = /\bnew (\w+Error)\(/g;
const CLASS = /class (\w+Error) extends \w*Error\b[^]*?\bsuper\(/g;

/** Every message in `src/`, each once. */
export function messagesIn(folder: string): ErrorMessage[] {
  const found = new Map<string, ErrorMessage>();
  for (const file of readdirSync(folder, { recursive: true, encoding: "utf8" }).sort()) {
    if (!file.endsWith(".ts")) continue;
    const source = readFileSync(`${folder}/${file}`, "utf8").replace(/^ *\/\*\*[^]*?\*\//gm, "");
    for (const pattern of [ERROR, CLASS]) {
      for (const match of source.matchAll(pattern)) {
        const name = match[1]!;
        const at = pattern === CLASS || CODED.test(name) ? 1 : 0;
        const message = argumentsAt(source, match.index + match[0].length)[at] ?? "";
        if (/[a-z]/i.test(message)) found.set(`${name} ${message}`, { name, message });
      }
    }
  }
  return [...found.values()];
}

/** The arguments of a call: what is in its strings, and "…" for all else. */
function argumentsAt(source: string, start: number): string[] {
  const found = [""];
  const write = (text: string): void => {
    const last = found.pop()!;
    found.push(text === "…" && last.endsWith("…") ? last : last + text);
  };
  for (let at = start, depth = 0; depth >= 0; at++) {
    const char = source[at]!;
    if (/["'`]/.test(char)) {
      const end = endOfString(source, at);
      if (depth === 0) write(contentOf(source.slice(at + 1, end)));
      at = end;
    } else if (/[([{]/.test(char)) {
      if (depth++ === 0) write("…");
    } else if (/[)\]}]/.test(char)) depth--;
    else if (depth === 0 && char === ",") found.push("");
    else if (depth === 0 && !/[\s+]/.test(char)) write("…");
  }
  return found;
}

/** Where the string that begins there ends; a template may hold others. */
function endOfString(source: string, start: number): number {
  const quote = source[start]!;
  for (let at = start + 1;; at++) {
    if (source[at] === "\\") at++;
    else if (source[at] === quote) return at;
    else if (quote === "`" && source.startsWith("${", at)) at = endOfHole(source, at + 2);
  }
}

function endOfHole(source: string, start: number): number {
  for (let at = start, depth = 0;; at++) {
    if (/["'`]/.test(source[at]!)) at = endOfString(source, at);
    else if (source[at] === "{") depth++;
    else if (source[at] === "}" && depth-- === 0) return at;
  }
}

function contentOf(text: string): string {
  let content = "";
  for (let at = 0; at < text.length; at++) {
    if (text.startsWith("${", at)) {
      at = endOfHole(text, at + 2);
      content += "…";
    } else if (text[at] === "\\") content += text[++at];
    else content += text[at];
  }
  return content;
}
