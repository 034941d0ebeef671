import type { Connection, ConnectionListener } from "../connection/connection.ts";
export function connectUdp(): Promise<Connection> {
  throw new Error("gone");
}
export function listenUdp(): Promise<ConnectionListener> {
  throw new Error("gone");
}
