/**
 * What an idle connection has in use on a server, as a chat in a `for await` and as a socket of the runtime with a data handler, of
 * 1,000 and of 10,000 that are open at once. Each server is a new process; the clients have one of their own.
 */
import { Program } from "../../../tests/support/programs.ts";
import type { Contest, Contestant } from "../contest.ts";
import { start } from "../programs.ts";

const COUNTS = { "1,000": 1_000, "10,000": 10_000 } as const;
const MOST_BYTES = 2560;

export function* contests(): Generator<Contest> {
  for (const [count, connections] of Object.entries(COUNTS)) {
    yield {
      name: `${count} idle connections`,
      unit: "bytes",
      rounds: 3,
      warmUp: false,
      contestants: { chat: idle("chat", connections), socket: idle("bare", connections) },
      figures: [
        {
          name: `an idle chat above a socket, of ${count}`,
          ours: "chat",
          against: ["socket"],
          as: "difference",
          atMost: MOST_BYTES,
        },
      ],
    };
  }
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
