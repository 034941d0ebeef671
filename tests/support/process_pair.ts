import type { Connection } from "../../mod.ts";
import { type ChildProcessLike, fromProcess } from "../../src/process/mod.ts";
import { socketsFor } from "../../src/net/sockets.ts";

/**
 * A connection with a process, and one with what that process passes on: the other end of it.
 * @param startBridge Starts a program that passes on everything between its pipes and the port.
 */
export async function processPair(
  startBridge: (port: string) => ChildProcessLike,
): Promise<[Connection, Connection]> {
  const sockets = socketsFor();
  const listener = await sockets.listen({ hostname: "127.0.0.1", port: 0 });
  const left = fromProcess(startBridge(String(listener.address.port)));
  const right = await listener.accept();
  listener.close();
  return [left, right!];
}
