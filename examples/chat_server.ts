/**
 * A chat server. See "Chat" in the README beside this.
 *
 *     npx tsx examples/chat_server.ts --port 6000
 *     npx deno run --allow-net --allow-env examples/chat_server.ts --port 6000
 *     npx bun examples/chat_server.ts --port 6000
 *
 * Talk, from several terminals: `nc 127.0.0.1 6000`
 */
import { serve } from "../mod.ts";
import { LocalBus } from "./chat/local_bus.ts";
import { Hub } from "./chat/hub.ts";
import { registerMetrics } from "./chat/metrics.ts";
import { Peers } from "./chat/peers.ts";
import { CHAT, serveMember } from "./chat/session.ts";
import { formatAddress, readOptions, runProgram, stopSignal, toPort } from "./command_line.ts";
import { serveMetrics } from "./watching/serve_metrics.ts";
import { Watch } from "./watching/watch.ts";

const USAGE = `usage: chat_server [--hostname HOST] [--port PORT] [--metrics PORT] [--trace]

  --hostname HOST   where to listen (127.0.0.1)
  --port PORT       (6000; 0: the system chooses one)
  --metrics PORT    serves /metrics, for Prometheus
  --trace           prints each line`;
const options = readOptions(USAGE, {
  hostname: "127.0.0.1",
  port: "6000",
  metrics: "",
  trace: false,
});

const MOST_MEMBERS = 5_000;

await runProgram(async () => {
  const { hostname } = options;
  const watch = new Watch({ trace: options.trace });
  const hub = new Hub(new Peers(new LocalBus(), crypto.randomUUID()));
  await hub.start();
  registerMetrics(watch.registry, hub);
  const server = await serve({
    hostname,
    port: toPort(options.port),
    ...CHAT,
    keepAlive: true,
    maxConnections: MOST_MEMBERS,
    onError() {}, // the line about the end of the connection says it
  }, (chat) => {
    watch.begin(chat);
    return serveMember(chat, hub, watch);
  });
  const stopped = stopSignal();
  console.log(`listening on ${formatAddress(server.address)}`);
  const metrics = options.metrics === "" ? undefined : await serveMetrics(
    { hostname, port: toPort(options.metrics) },
    watch.registry,
  );
  if (metrics) console.log(`metrics on http://${formatAddress(metrics.address)}/metrics`);
  await stopped;
  hub.announce("this server stops");
  await Promise.all([server.shutdown({ grace: 0 }), metrics?.shutdown({ grace: 0 })]);
  await hub.stop();
  console.log("stopped");
});
