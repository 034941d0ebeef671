import type { Connection } from "../../mod.ts";
import { socketsFor } from "../../src/net/sockets.ts";

/** Two connections with each other, over real sockets of the runtime that the tests run on. */
export async function tcpPair(): Promise<[Connection, Connection]> {
  const sockets = socketsFor();
  const listener = await sockets.listen({ hostname: "127.0.0.1", port: 0 });
  const [left, right] = await Promise.all([sockets.connect(listener.address), listener.accept()]);
  listener.close();
  await listener.closed;
  return [left, right!];
}
