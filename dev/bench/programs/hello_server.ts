/**
 * The server that the runtime has itself, with the answer of examples/http_server.ts to `GET /hello/ada`: `node:http`,
 * `Deno.serve()`, `Bun.serve()`, as their documentation says. In a process of its own, as the example is.
 */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

const TYPE = "text/plain; charset=utf-8";

type Fetch = (request: Request) => Response;

function answer(path: string): string | undefined {
  return path.startsWith("/hello/") ? `hello, ${decodeURIComponent(path.slice(7))}\n` : undefined;
}

function answerRequest(request: Request): Response {
  const body = answer(new URL(request.url).pathname);
  return body === undefined
    ? new Response("", { status: 404 })
    : new Response(body, { headers: { "content-type": TYPE } });
}

function say(port: number): void {
  console.log(`listening on 127.0.0.1:${port}`);
}

const where = { hostname: "127.0.0.1", port: 0 };

if ("Deno" in globalThis) {
  const { Deno } = globalThis as unknown as {
    Deno: {
      serve(
        options: typeof where & { onListen: (address: { port: number }) => void },
        handler: Fetch,
      ): void;
    };
  };
  Deno.serve({ ...where, onListen: ({ port }) => say(port) }, answerRequest);
} else if ("Bun" in globalThis) {
  const { Bun } = globalThis as unknown as {
    Bun: { serve(options: typeof where & { fetch: Fetch }): { readonly port: number } };
  };
  say(Bun.serve({ ...where, fetch: answerRequest }).port);
} else {
  const server = createServer((request, response) => {
    const body = answer(new URL(request.url!, "http://127.0.0.1").pathname);
    response.statusCode = body === undefined ? 404 : 200;
    if (body !== undefined) response.setHeader("content-type", TYPE);
    response.end(body);
  });
  server.listen(where.port, where.hostname, () => say((server.address() as AddressInfo).port));
}
