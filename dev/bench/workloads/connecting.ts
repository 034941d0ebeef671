/** From `connect()` to the first line of the server, one connection after the other. The server is `node:net` in a process of its own. */
import { Authority } from "../../../tests/support/certificates.ts";
import { ENV, Program } from "../../../tests/support/programs.ts";
import { connect } from "../../../mod.ts";
import type { Contest, Contestant } from "../contest.ts";
import { firstLine } from "../peers/bare_socket.ts";
import { areHere, commandOf } from "../programs.ts";

export async function* contests(): AsyncGenerator<Contest> {
  if (!areHere("connecting", "openssl")) return;
  const authority = new Authority();
  const { cert, key } = authority.sign("DNS:localhost,IP:127.0.0.1");
  Object.assign(ENV, { CERT: cert, KEY: key });
  await using server = new Program(commandOf("node", "dev/bench/programs/first_frame_server.ts"));
  const [, port, tlsPort] = await server.line(/^listening on (\d+), (\d+)$/);
  yield contest("TCP", 1_000, Number(port));
  yield contest("TLS", 200, Number(tlsPort), authority.ca);
}

function contest(name: string, count: number, port: number, ca?: string): Contest {
  return {
    name: `connecting over ${name}, and the first line`,
    frames: count,
    contestants: {
      "connect() and read()": times(count, () => firstFrame(port, ca)),
      "the bare runtime": times(count, () => firstLine(port, ca)),
    },
    figures: [
      {
        name: `connecting over ${name}, and the first line, against the bare runtime`,
        ours: "connect() and read()",
        against: ["the bare runtime"],
        atLeast: 0.9,
      },
    ],
  };
}

function times(count: number, connectOnce: () => Promise<Uint8Array>): Contestant {
  return async (add) => {
    for (let i = 0; i < count; i++) add(await connectOnce());
  };
}

async function firstFrame(port: number, ca?: string): Promise<Uint8Array> {
  const tls = ca === undefined ? {} : { tls: { ca } };
  const chat = await connect({ hostname: "127.0.0.1", port, terminator: "\n", ...tls });
  const line = await chat.read();
  chat.close();
  return line!;
}
