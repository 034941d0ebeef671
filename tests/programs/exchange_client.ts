/** Holds so many connections open at once, and exchanges messages on all of them: `exchange_client.ts PORT SEED CONNECTIONS` */
import process from "node:process";
import { type Chat, connect } from "../../mod.ts";
import { converse } from "../support/exchange.ts";

/** How many connections are opened at a time: the system's queue of those not accepted yet is short. */
const AT_A_TIME = 256;

const [port, seed, connections] = process.argv.slice(2).map(Number) as [number, number, number];

const chats: Chat[] = [];
while (chats.length < connections) {
  const count = Math.min(AT_A_TIME, connections - chats.length);
  const opened = Array.from({ length: count }, () => connect({ port, terminator: "\n" }));
  chats.push(...await Promise.all(opened));
}
const done = await Promise.all(chats.map((chat, id) => converse(chat, seed, id)));
for (const { chat } of done) void chat.closeWhenDone();
const errors = (await Promise.all(done.map(({ chat }) => chat.closed)))
  .filter((error) => error !== undefined);
if (errors.length > 0) throw errors[0];
console.log(`checked ${done.reduce((sum, { checked }) => sum + checked, 0)} answers`);
