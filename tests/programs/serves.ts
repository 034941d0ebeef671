/** Echoes lines, and answers questions about itself, until it is stopped. Prints its port, and what it could not accept. */
import process from "node:process";
import { type ConnectionError, serve } from "../../mod.ts";

/** How long it watches itself, in timers of 100 ms. */
const TURNS = 5;

// Deno opens the descriptors that it listens to signals with half a second after its start, and panics if it cannot: now it can.
process.once("SIGTERM", () => process.exit());

let refusals = 0;

const server = await serve({
  port: 0,
  terminator: "\n",
  encoding: "utf-8",
  onError(error, chat) {
    if (chat !== undefined) return;
    refusals++;
    if (refusals > 1) return;
    const { code, message, hint } = error as ConnectionError;
    console.log(`cannot accept, ${code}: ${message}: ${hint}`);
  },
}, async (chat) => {
  for await (const line of chat) {
    await chat.send(line === "watch" ? await watch() : `${line}, one of ${server.connections}`);
  }
});

/** How often it could not accept while so many timers of 100 ms passed, one after the other. */
async function watch(): Promise<string> {
  const before = refusals;
  for (let turn = 0; turn < TURNS; turn++) await new Promise((wake) => setTimeout(wake, 100));
  return `${refusals - before} in ${TURNS}`;
}

console.log(`port ${server.address.port}`);
