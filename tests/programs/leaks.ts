/** Ends many connections in every way, and counts the sockets that are open before and after. (Linux) */
import { type Chat, connect, listen } from "../../mod.ts";
import { openSockets } from "../support/open_sockets.ts";

const LINES = { terminator: "\n" };

const ENDINGS: readonly ((client: Chat, server: Chat) => Promise<unknown>)[] = [
  (client, server) => Promise.all([client.closeWhenDone(), server.closeWhenDone()]),
  async (client, server) => {
    client.close();
    await server.read().catch(() => {});
    server.close();
  },
  async (client, server) => { // half-closed on both sides, and read to the end
    await Promise.all([client.closeWrite(), server.closeWrite()]);
    await Promise.all([client.read(), server.read()]);
  },
  async (client, server) => { // reset: closed with bytes unread
    client.push("unread\n".repeat(1_000));
    await client.flush();
    server.close();
    await client.read().catch(() => {});
    client.close(new Error("it broke"));
  },
  (client, server) => { // closed while everything waits
    const reading = client.read();
    client.push(new Uint8Array(10_000_000));
    client.close();
    server.close();
    return reading;
  },
  async (client, server) => { // broken while sending, with nobody reading
    client.push(new Uint8Array(10_000_000));
    await server.read(1000);
    server.close();
    await client.closed;
  },
];

async function endAll(): Promise<void> {
  const listener = await listen({ port: 0, ...LINES });
  for (let round = 0; round < 10; round++) {
    for (const end of ENDINGS) {
      const client = await connect({ port: listener.address.port, ...LINES });
      const server = (await listener.accept())!;
      await end(client, server);
      await Promise.all([client.closed, server.closed]);
    }
  }
  await listener.close();
}

/** How many are open when that does not change any more: a runtime may close one a little later. */
async function openAtRest(): Promise<number> {
  let open = openSockets();
  for (let same = 0; same < 10; same++) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    const now = openSockets();
    if (now !== open) [open, same] = [now, 0];
  }
  return open;
}

await endAll(); // what a runtime opens for itself, it has opened now
const before = await openAtRest();
await endAll();
console.log(`${await openAtRest() - before} sockets left open`);
