/**
 * An HTTP/1.1 server. See "HTTP/1.1 server" in the README beside this.
 *
 *     npx tsx examples/http_server.ts --port 8000
 *     npx deno run --allow-net examples/http_server.ts --port 8000
 *     npx bun examples/http_server.ts --port 8000
 *
 * Try it: `curl http://127.0.0.1:8000/`, `curl -T FILE http://127.0.0.1:8000/digest`
 */
import { createHash } from "node:crypto";
import { ConnectionError, serve } from "../mod.ts";
import {
  formatAddress,
  readOptions,
  runProgram,
  serveUntilStopped,
  toNumber,
  toPort,
} from "./command_line.ts";
import { HttpError } from "./http/error.ts";
import type { Response } from "./http/response.ts";
import { HTTP, type Request, serveHttp } from "./http/server.ts";

const USAGE = `usage: http_server [--hostname HOST] [--port PORT] [--max-body BYTES]

  --hostname HOST    where to listen (127.0.0.1)
  --port PORT        (8000; 0: the system chooses one)
  --max-body BYTES   the longest body of a request (1073741824)`;
const options = readOptions(USAGE, {
  hostname: "127.0.0.1",
  port: "8000",
  "max-body": String(2 ** 30),
});

const TEXT = { "content-type": "text/plain; charset=utf-8" };
const ROUTES = `GET  /             this
GET  /hello/NAME   a greeting
GET  /count?to=N   a line for each number, as a generator makes them
POST /echo         the body of the request, as it arrives
PUT  /digest       how long the body is, and its SHA-256, without keeping it
`;

type Route = (request: Request, rest: string) => Response | Promise<Response>;

/** What is served: methods, and the beginning of the path. */
const routes: Readonly<
  Record<string, { readonly methods: readonly string[]; readonly run: Route }>
> = {
  "/hello/": {
    methods: ["GET", "HEAD"],
    run: (_request, name) => ({ fields: TEXT, body: `hello, ${decoded(name)}\n` }),
  },
  "/count": {
    methods: ["GET", "HEAD"],
    run({ url }) {
      const to = Number(url.searchParams.get("to") ?? 10);
      if (!Number.isInteger(to)) throw new HttpError(400, "to must be a whole number");
      return { fields: TEXT, body: count(to) };
    },
  },
  "/echo": {
    methods: ["POST", "PUT"],
    run: ({ fields, body }) => ({
      fields: { "content-type": fields.get("content-type") ?? "application/octet-stream" },
      body,
    }),
  },
  "/digest": { methods: ["POST", "PUT"], run: digest },
  "/": { methods: ["GET", "HEAD"], run: () => ({ fields: TEXT, body: ROUTES }) },
};

const entries = Object.entries(routes);

function decoded(name: string): string {
  try {
    return decodeURIComponent(name);
  } catch {
    throw new HttpError(400, `a name cannot be ${JSON.stringify(name.slice(0, 80))}`);
  }
}

function* count(to: number): Generator<string> {
  for (let i = 1; i <= to; i++) yield `${i}\n`;
}

async function digest({ body }: Request): Promise<Response> {
  const hash = createHash("sha256");
  let length = 0;
  for await (const piece of body) {
    hash.update(piece);
    length += piece.length;
  }
  return { status: 201, fields: TEXT, body: `${length} bytes, SHA-256 ${hash.digest("hex")}\n` };
}

function handle(request: Request): Response | Promise<Response> {
  const { pathname } = request.url;
  const [start, route] =
    entries.find(([start]) =>
      start.endsWith("/") && start !== "/" ? pathname.startsWith(start) : pathname === start
    ) ?? [];
  if (start === undefined || route === undefined) {
    return { status: 404, fields: TEXT, body: `there is no ${pathname}\n` };
  }
  const { methods, run } = route;
  if (methods.includes(request.method)) return run(request, pathname.slice(start.length));
  return { status: 405, fields: { ...TEXT, allow: methods }, body: `not with ${request.method}\n` };
}

await runProgram(async () => {
  const maxBody = toNumber("max-body", options["max-body"]);
  const server = await serve({
    hostname: options.hostname,
    port: toPort(options.port),
    ...HTTP,
    idleTimeout: 30_000,
    maxConnections: 10_000,
    onError(error, chat) {
      // That a client goes without a word is how many of them go.
      if (error instanceof ConnectionError && error.code === "reset") return;
      const name = chat?.remoteAddress ? formatAddress(chat.remoteAddress) : "a client";
      console.log(`${name}  ${(error as Error).message}`);
    },
  }, (chat) => serveHttp(chat, handle, { maxBody }));
  await serveUntilStopped(server);
});
