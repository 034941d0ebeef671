/** Uses its standard input and output in the way that its argument says, and tells on its standard error what happened. */
import process from "node:process";
import { Chat, type ChatError } from "../../mod.ts";
import { fromStdio } from "../../src/process/mod.ts";

const EVENTS = ["data", "end", "error", "close"];
const countListeners = (): number =>
  [process.stdin, process.stdout].flatMap((stream) =>
    EVENTS.map((event) => stream.listenerCount(event))
  ).reduce((sum, count) => sum + count);
const listenersBefore = countListeners();

const connection = fromStdio();
const chat = new Chat(connection, {
  terminator: "\n",
  encoding: "utf-8",
  incomplete: "yield",
});
const report = (text: string): void => console.error(text);

async function* numbers(count: number): AsyncGenerator<string> {
  for (let i = 1; i <= count; i++) yield `${i}\n`;
}

const WAYS: Readonly<Record<string, () => Promise<void>>> = {
  /** Counts lines. */
  async count() {
    let lines = 0;
    for await (const _ of chat) lines++;
    await chat.send(`${lines} lines`);
    await chat.closeWhenDone();
  },

  /** Prints much, and exits as soon as it is told that all was sent. */
  async print() {
    await chat.push(numbers(1_000), "x".repeat(1024 * 1024));
    await chat.closeWhenDone();
    process.exit();
  },

  /** Prints until nobody reads any more. */
  async printOn() {
    try {
      for (;;) await chat.push("y\n".repeat(1_000));
    } catch (error) {
      report(`${(error as ChatError).code}: ${(error as ChatError).message}`);
    }
    report(`closed: ${(await chat.closed as ChatError).code}`);
  },

  /** Stops before the input has ended. */
  async stop() {
    await chat.send(`first: ${await chat.read()}`);
    await chat.closeWhenDone();
    console.log("still printed");
  },

  /** Is closed while it waits. */
  async interrupt() {
    const reading = chat.read();
    chat.close(new Error("enough"));
    report(await reading.catch((error) => error.message));
    await chat.closed;
    report(`listeners: ${countListeners() - listenersBefore}`);
  },

  /** Waits for nothing. */
  async idle() {
    await chat.send(`idle, and ${connection.canReset ? "" : "not "}to be read out`);
  },
};

await WAYS[process.argv[2]!]!();
