/** Answers so many clients of an exchange, and reports: `exchange_server.ts SEED CONNECTIONS` */
import process from "node:process";
import { connect, serve } from "../../mod.ts";
import { answer, type ExchangeReport } from "../support/exchange.ts";
import { openSockets } from "../support/open_sockets.ts";

const [seed, connections] = process.argv.slice(2).map(Number) as [number, number];
const LINES = { terminator: "\n" };

// What a runtime opens for itself, it has opened when the first connection is gone.
const first = await serve({ port: 0, ...LINES }, () => {});
await (await connect({ port: first.address.port, ...LINES })).closeWhenDone();
await first.shutdown();
const before = process.platform === "linux" ? openSockets() : null;

let [answered, ended, most] = [0, 0, 0];
let finish: () => void;
const finished = new Promise<void>((resolve) => finish = resolve);
const onError = (error: unknown): void => console.log(`problem: ${error}`);
const server = await serve({ port: 0, ...LINES, onError }, async (chat) => {
  most = Math.max(most, server.connections);
  chat.closed.then((error) => {
    if (error !== undefined) onError(error);
    if (++ended === connections) finish();
  });
  const right = await answer(chat, seed);
  answered += right;
});
console.log(`listening on ${server.address.port}`);

await finished;
await server.shutdown();
const report: ExchangeReport = {
  answered,
  most,
  left: server.connections,
  openSockets: before === null ? null : openSockets() - before,
};
console.log(`report ${JSON.stringify(report)}`);
