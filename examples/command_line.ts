/** What the examples' command lines have in common. */
import process from "node:process";
import { parseArgs } from "node:util";
import { type Address, ChatError, type Server } from "../mod.ts";

/** How long the conversations that are under way may go on when a server is stopped, in milliseconds. */
const GRACE = 1_000;
const SIGNALS = ["SIGINT", "SIGTERM"] as const;

/** What is said on a command line. */
type Options<T> = { [Name in keyof T]: T[Name] extends boolean ? boolean : string };

/** The options of a command line, each with its default: `--port 6000` or `--port=6000`, and `--trace` where that is `false`. */
export function readOptions<T extends Readonly<Record<string, string | boolean>>>(
  usage: string,
  defaults: T,
): Options<T> {
  const { options, words } = readArguments(usage, defaults);
  if (words.length > 0) exit(2, `expected no ${JSON.stringify(words[0])}\n${usage}`);
  return options;
}

/** The options of a command line, and what stands there beside them. */
export function readArguments<T extends Readonly<Record<string, string | boolean>>>(
  usage: string,
  defaults: T,
): { readonly options: Options<T>; readonly words: readonly string[] } {
  const known = Object.entries(defaults).map(([name, value]) =>
    [name, { type: typeof value === "string" ? "string" : "boolean", default: value }] as const
  );
  try {
    const { values, positionals } = parseArgs({
      options: { ...Object.fromEntries(known), help: { type: "boolean" } },
      allowPositionals: true,
    });
    if (!values.help) return { options: values as Options<T>, words: positionals };
  } catch (error) {
    exit(2, `${(error as Error).message}\n${usage}`);
  }
  console.log(usage);
  process.exit(0);
}

/** The number that a `--port` says; whether it can be one is for `connect()` and `listen()` to say. */
export function toPort(text: string): number {
  return toNumber("port", text);
}

/** The whole number that an option says, if it is not less than the least one that makes sense. */
export function toNumber(name: string, text: string, least: number = 0): number {
  if (!/^\d+$/.test(text)) exit(2, `--${name} must be a number, not ${JSON.stringify(text)}`);
  if (Number(text) < least) exit(2, `--${name} must be at least ${least}, not ${text}`);
  return Number(text);
}

/** What a person must know who has started a program, in one line. */
export class UserError extends Error {}

/** Runs a program. What the network, or the person who started it, did wrong is said in one line. */
export async function runProgram(main: () => Promise<void>): Promise<void> {
  try {
    await main();
  } catch (error) {
    if (!isOfTheirs(error)) throw error;
    exit(1, error.message);
  }
}

/** Says where a server listens, and lets it serve until Ctrl-C, or a `kill`. A second one waits for nothing. */
export async function serveUntilStopped<T>(server: Server<T>): Promise<void> {
  const stopped = stopSignal(); // before anybody can know that there is something to stop
  console.log(`listening on ${formatAddress(server.address)}`);
  await stopped;
  await server.shutdown({ grace: GRACE });
  console.log("stopped");
}

/** An address as one writes it: `127.0.0.1:6000`, `[::1]:6000`. */
export function formatAddress({ hostname, port }: Address): string {
  return hostname.includes(":") ? `[${hostname}]:${port}` : `${hostname}:${port}`;
}

/** Resolves at the first Ctrl-C, or `kill`. What a signal does by itself is back then. */
export function stopSignal(): Promise<void> {
  return new Promise((resolve) => {
    const stop = (): void => {
      for (const signal of SIGNALS) process.off(signal, stop);
      resolve();
    };
    for (const signal of SIGNALS) process.on(signal, stop);
  });
}

/** Whether an error is the network's, or the user's, and not the program's. */
function isOfTheirs(error: unknown): error is Error {
  return error instanceof ChatError || error instanceof RangeError || error instanceof UserError ||
    error instanceof Error && "syscall" in error; // a file that is not there, or cannot be read
}

function exit(code: number, message: string): never {
  console.error(message);
  process.exit(code);
}
