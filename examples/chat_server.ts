/**
 * A chat server. See "Chat" in the README beside this.
 *
 *     npx tsx examples/chat_server.ts --port 6000
 *     npx deno run --allow-net examples/chat_server.ts --port 6000
 *     npx bun examples/chat_server.ts --port 6000
 *
 * Talk, from several terminals: `nc 127.0.0.1 6000`
 */
import { type Chat, serve } from "../mod.ts";
import type { Bus } from "./chat/bus.ts";
import { Hub } from "./chat/hub.ts";
import { LocalBus } from "./chat/local_bus.ts";
import { registerMetrics } from "./chat/metrics.ts";
import { NatsBus } from "./chat/nats_bus.ts";
import { Peers } from "./chat/peers.ts";
import { CHAT, serveMember } from "./chat/session.ts";
import type { WebOptions, WebServer } from "./chat/web.ts";
import {
  formatAddress,
  readOptions,
  runProgram,
  stopSignal,
  toPort,
  UserError,
} from "./command_line.ts";
import { serveMetricsAt } from "./watching/serve_metrics.ts";
import { Watch } from "./watching/watch.ts";

const USAGE =
  `usage: chat_server [--hostname HOST] [--port PORT] [--web PORT] [--nats URL] [--metrics PORT] [--trace]

  --hostname HOST   where to listen (127.0.0.1)
  --port PORT       (6000; 0: the system chooses one)
  --web PORT        serves a web page to chat with
  --nats URL        joins all servers with the same NATS server, nats://127.0.0.1:4222, or several, with
                    commas between them; without it, all is in this process
  --metrics PORT    serves /metrics, for Prometheus
  --trace           prints each line`;
const options = readOptions(USAGE, {
  hostname: "127.0.0.1",
  port: "6000",
  web: "",
  nats: "",
  metrics: "",
  trace: false,
});

/** With `nc`, and as many with the page: the list of all their names, as long as they may be, is one message of NATS (1 MiB). */
const MOST_MEMBERS = 2_500;
/** How long members may take to read that the server stops, in milliseconds. */
const GRACE = 1_000;

async function connectBus(): Promise<Bus> {
  if (options.nats === "") return new LocalBus();
  const servers = options.nats.split(",").map((url) => url.trim());
  try {
    return await NatsBus.connect({ servers, name: "chat" }, console.log);
  } catch (error) {
    throw error instanceof TypeError ? new UserError(error.message) : error;
  }
}

/** What the page needs is loaded only where there is to be one. */
async function startWeb(serve: WebOptions["serve"]): Promise<WebServer> {
  const { serveWeb } = await import("./chat/web.ts");
  const { hostname } = options;
  return await serveWeb({
    hostname,
    port: toPort(options.web),
    maxConnections: MOST_MEMBERS,
    serve,
  });
}

await runProgram(async () => {
  const { hostname } = options;
  const watch = new Watch({ trace: options.trace });
  const bus = await connectBus();
  const hub = new Hub(new Peers(bus, crypto.randomUUID()));
  await hub.start();
  registerMetrics(watch.registry, hub);
  const serveOne = (chat: Chat<string>, name?: string): Promise<void> => {
    watch.begin(chat, name);
    return serveMember(chat, hub, watch);
  };
  const server = await serve({
    hostname,
    port: toPort(options.port),
    ...CHAT,
    keepAlive: true,
    maxConnections: MOST_MEMBERS,
    onError() {}, // the line about the end of the connection says it
  }, (chat) => serveOne(chat));
  const stopped = stopSignal();
  console.log(`listening on ${formatAddress(server.address)}`);
  const web = options.web === "" ? undefined : await startWeb(serveOne);
  if (web) console.log(`web page on http://${formatAddress(web.address)}/`);
  const metrics = await serveMetricsAt(options.metrics, hostname, watch.registry);
  await stopped;
  hub.dismiss("this server stops");
  await Promise.all([
    server.shutdown({ grace: GRACE }),
    web?.shutdown(GRACE),
    metrics?.shutdown({ grace: 0 }),
  ]);
  await hub.stop();
  await bus.close();
  console.log("stopped");
});
