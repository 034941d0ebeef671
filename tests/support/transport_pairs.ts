/** Two connections with each other, over each transport that has no process of its own. */
import process from "node:process";
import { connect, type Connection, listen, memoryPair } from "../../mod.ts";
import { Authority } from "./certificates.ts";
import { Folder } from "./folder.ts";
import { tcpPair } from "./tcp_pair.ts";

export type MakeTransportPair = () => Promise<[Connection, Connection]>;

const authority = new Authority();
const own = authority.sign("DNS:localhost,IP:127.0.0.1");

async function tlsPair(): Promise<[Connection, Connection]> {
  await using listener = await listen({ port: 0, terminator: "\n", tls: own });
  const tls = { ca: authority.ca };
  const { port } = listener.address;
  const [left, right] = await Promise.all([
    connect({ hostname: "localhost", port, terminator: "\n", tls }),
    listener.accept(),
  ]);
  return [left.detach().connection, right!.detach().connection];
}

async function unixPair(): Promise<[Connection, Connection]> {
  using folder = new Folder();
  const options = { path: folder.at("a.sock"), terminator: "\n" } as const;
  await using listener = await listen(options);
  const [left, right] = await Promise.all([
    connect(options),
    listener.accept(),
  ]);
  return [left.detach().connection, right!.detach().connection];
}

export const TRANSPORT_PAIRS: Readonly<Record<string, MakeTransportPair>> = {
  "memory": () => Promise.resolve(memoryPair()),
  "TCP": tcpPair,
  "TLS": tlsPair,
  ...process.platform === "win32" ? {} : { "a Unix socket": unixPair },
};
