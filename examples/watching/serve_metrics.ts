import type { Registry } from "prom-client";
import { serve, type Server } from "../../mod.ts";
import { formatAddress, toPort } from "../command_line.ts";
import type { Response } from "../http/response.ts";
import { HTTP, type Request, serveHttp } from "../http/server.ts";

const TEXT = { "content-type": "text/plain; charset=utf-8" };
const MOST_CONNECTIONS = 100;

/** Serves `/metrics`, in the text format of Prometheus. */
export function serveMetrics(
  address: { readonly hostname: string; readonly port: number },
  registry: Registry,
): Promise<Server> {
  return serve(
    {
      ...address,
      ...HTTP,
      maxConnections: MOST_CONNECTIONS,
      idleTimeout: 30_000,
      onError: () => {}, // who asks for numbers and does not wait for them is no news
    },
    (chat) => serveHttp(chat, (request) => answer(request, registry), { maxBody: 0 }),
  );
}

/** Serves them where `--metrics PORT` says, and prints where that is; not at all if it was not said. */
export async function serveMetricsAt(
  port: string,
  hostname: string,
  registry: Registry,
): Promise<Server | undefined> {
  if (port === "") return undefined;
  const server = await serveMetrics({ hostname, port: toPort(port) }, registry);
  console.log(`metrics on http://${formatAddress(server.address)}/metrics`);
  return server;
}

async function answer({ method, url }: Request, registry: Registry): Promise<Response> {
  if (url.pathname !== "/metrics") {
    return { status: 404, fields: TEXT, body: `there is no ${url.pathname}, but /metrics\n` };
  }
  if (method !== "GET" && method !== "HEAD") {
    return {
      status: 405,
      fields: { ...TEXT, allow: ["GET", "HEAD"] },
      body: `not with ${method}\n`,
    };
  }
  return { fields: { "content-type": registry.contentType }, body: await registry.metrics() };
}
