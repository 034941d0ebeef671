/** The ways in which the two ends of a scenario may be connected. */
import {
  Chat,
  connect,
  type Connection,
  type Frame,
  listen,
  memoryPair,
  serve,
} from "../../../mod.ts";
import { Deferred } from "../../../src/common/deferred.ts";
import { socketsFor } from "../../../src/sockets/runtime_sockets.ts";
import { eventually } from "./delay.ts";
import { describe } from "./failure.ts";
import type { Side } from "./side.ts";

export type Transport = "memory" | "adapters" | "connect(), listen()" | "connect(), serve()";

export const TCP: readonly Transport[] = ["adapters", "connect(), listen()", "connect(), serve()"];

/** What connects two ends, which have a chat each by now. */
export interface Link {
  /** Ends what is left of it when both ends are over, and returns what is wrong with that. */
  end(): Promise<string[]>;
  /** Ends it as it is. */
  abandon(): void;
}

/** Connects both ends with each other. */
export async function connectSides(
  transport: Transport,
  client: Side,
  server: Side,
): Promise<Link> {
  switch (transport) {
    case "memory":
      return join(client, server, memoryPair());
    case "adapters":
      return join(client, server, await adapterPair());
    case "connect(), listen()":
      return await connectToListener(client, server);
    case "connect(), serve()":
      return await connectToServer(client, server);
  }
}

function join(client: Side, server: Side, [left, right]: [Connection, Connection]): Link {
  client.begin(new Chat<Frame>(client.wrap(left), client.chatOptions));
  server.begin(new Chat<Frame>(server.wrap(right), server.chatOptions));
  return { end: () => Promise.resolve([]), abandon: () => {} };
}

/** Two connections with each other, over the adapter of this runtime. */
async function adapterPair(): Promise<[Connection, Connection]> {
  const { connect, listen } = socketsFor();
  const hostname = "127.0.0.1";
  const listener = await listen({ hostname, port: 0 });
  try {
    const { port } = listener.address;
    const [left, right] = await Promise.all([connect({ hostname, port }), listener.accept()]);
    return [left, right!];
  } finally {
    listener.close();
  }
}

async function connectToListener(client: Side, server: Side): Promise<Link> {
  const listener = await listen<Frame>({ ...server.chatOptions, wrap: server.wrap, port: 0 });
  const link: Link = {
    async end() {
      await listener.close();
      return await listener.accept() === null ? [] : ["a closed listener has accepted"];
    },
    abandon: () => void listener.close(),
  };
  return await opened(link, async () => {
    const accepted = listener.accept();
    client.begin(await connectTo(client, listener.address.port));
    server.begin((await accepted)!);
  });
}

async function connectToServer(client: Side, side: Side): Promise<Link> {
  const accepted = new Deferred<Chat<Frame>>();
  const handled = new Deferred();
  const errors: unknown[] = [];
  const onError = (error: unknown): void => void errors.push(error);
  const options = { ...side.chatOptions, wrap: side.wrap, port: 0, onError };
  const server = await serve<Frame>(options, (chat) => {
    accepted.resolve(chat);
    return handled.promise;
  });
  const link: Link = {
    async end() {
      const wrongs = errors.filter((error) => !side.judge.mayRefuseWith(error)).map(describe);
      const isTold = await handled.promise.then(() => true, (thrown) => errors.includes(thrown));
      if (!isTold) wrongs.push("the server did not tell what its handler threw");
      await eventually(() => server.connections === 0);
      if (server.connections > 0) wrongs.push(`the server has ${server.connections} chats left`);
      await server.shutdown();
      await server.finished;
      return wrongs;
    },
    abandon: () => void server.shutdown({ grace: 0 }),
  };
  return await opened(link, async () => {
    client.begin(await connectTo(client, server.address.port));
    side.begin(await accepted.promise, handled);
  });
}

async function connectTo(client: Side, port: number): Promise<Chat<Frame>> {
  return await connect<Frame>({ ...client.chatOptions, wrap: client.wrap, port, timeout: 60_000 });
}

/** The link, unless opening its chats fails. */
async function opened(link: Link, open: () => Promise<void>): Promise<Link> {
  try {
    await open();
    return link;
  } catch (error) {
    link.abandon();
    throw error;
  }
}
