/**
 * What an idle connection has in use on a server, as a chat in a `for await` and as a socket of the runtime with a data handler, of
 * 1,000 and of 10,000 that are open at once. Each server is a new process; the clients have one of their own.
 */
import { Program } from "../../../tests/support/programs.ts";
import type { Contest, Contestant } from "../contest.ts";
import { start } from "../programs.ts";

/** Of 1,000 the runtime's own share weighs more, so the goal is for many. */
const MOST_BYTES = 2560;

export function* contests(): Generator<Contest> {
  yield {
    name: "idle connections",
    unit: "bytes",
    rounds: 3,
    warmUp: false,
    contestants: {
      "chat, of 1,000": idle("chat", 1_000),
      "chat, of 10,000": idle("chat", 10_000),
      "socket, of 10,000": idle("bare", 10_000),
    },
    figures: [
      {
        name: "an idle chat above a socket, of 10,000",
        ours: "chat, of 10,000",
        against: ["socket, of 10,000"],
        as: "difference",
        atMost: MOST_BYTES,
      },
      {
        name: "an idle chat of 10,000, against one of 1,000",
        ours: "chat, of 10,000",
        against: ["chat, of 1,000"],
        atLeast: 0.8,
      },
    ],
  };
}

function idle(kind: "chat" | "bare", connections: number): Contestant {
  return async () => {
    const count = String(connections);
    await using server = start("dev/bench/programs/idle_server.ts", kind, count);
    const port = String(await server.listening());
    await using _clients = new Program(["node", "-e", CLIENTS, port, count]);
    const [, bytes] = await server.line(/^each (-?\d+)$/);
    return Number(bytes);
  };
}

/** Opens so many connections, a hundred at a time. */
const CLIENTS = `
const { connect } = require("node:net");
const [port, count] = process.argv.slice(1).map(Number);
let opened = 0;
const open = () => opened++ < count && connect(port, "127.0.0.1", open);
for (let i = 0; i < 100; i++) open();`;
