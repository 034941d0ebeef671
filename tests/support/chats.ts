/** Chats for tests: over memory, under chaos, and over a connection whose every step the test decides. */
import { test } from "node:test";
import { Chat, type ChatOptions, type Connection, memoryPair } from "../../mod.ts";
import { chaos } from "../../src/testing/mod.ts";
import { bytes } from "./bytes.ts";
import { ScriptedConnection } from "./scripted_connection.ts";

type Options = Partial<Omit<ChatOptions, "encoding">>;

/** A chat of lines of text unless the options say otherwise, and the other end of its connection. */
export type MakeChat = (options?: Options) => [Chat<string>, Connection];

const chatPairOver = (makePair: () => [Connection, Connection]): MakeChat => (options) => {
  const [left, right] = makePair();
  return [makeChat(left, options), right];
};

/** Over memory. */
export const chatPair: MakeChat = chatPairOver(memoryPair);

/** How often a test is played under chaos. */
const SEEDS = 10;

/**
 * Registers a test twice: over memory, and over memory whose first end splits and merges chunks, and is late with reads and
 * writes. What fails under chaos names its seed.
 */
export function testWithChaos(name: string, play: (chatPair: MakeChat) => Promise<void>): void {
  test(name, () => play(chatPair));
  test(`${name} (under chaos)`, async () => {
    for (let seed = 0; seed < SEEDS; seed++) {
      const makePair = (): [Connection, Connection] => {
        const [left, right] = memoryPair();
        return [chaos(left, { seed, delay: 0.3 }), right];
      };
      await play(chatPairOver(makePair)).catch((cause) => {
        throw new Error(`under chaos with the seed ${seed}: ${cause}`, { cause });
      });
    }
  });
}

/** A chat, as above, whose connection does what the test says. */
export function scripted(
  options?: Options,
  connection: ScriptedConnection = new ScriptedConnection(),
): { chat: Chat<string>; connection: ScriptedConnection } {
  return { chat: makeChat(connection, options), connection };
}

/** A chat, as above, to which just this arrives, in these chunks, and then the end. */
export function chatOf(options: Options, ...chunks: string[]): Chat<string> {
  const { chat, connection } = scripted(options);
  for (const chunk of chunks) connection.arrive(bytes(chunk));
  connection.arrive(null);
  return chat;
}

/** Lets some microtasks pass. */
export async function ticks(count: number = 10): Promise<void> {
  for (let i = 0; i < count; i++) await Promise.resolve();
}

function makeChat(connection: Connection, options?: Options): Chat<string> {
  return new Chat(connection, { terminator: "\n", encoding: "utf-8", ...options });
}
