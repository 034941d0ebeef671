/** The HTTP client, against Node's server, and against servers that say anything. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { test } from "node:test";
import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { HttpClient } from "../../../examples/http/client.ts";
import { HttpError } from "../../../examples/http/error.ts";
import { ChatError, ConnectionError, IncompleteFrameError, serve } from "../../../mod.ts";
import { Authority } from "../../support/certificates.ts";
import { bytes, text } from "../../support/bytes.ts";
import { attackClient } from "../../support/hostile_peers.ts";

interface Site {
  readonly url: URL;
  /** How many connections there were. */
  readonly connections: () => number;
}

async function withSite(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
  work: (site: Site) => Promise<void>,
): Promise<void> {
  const server = createServer(answer);
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => sockets.add(socket));
  await once(server.listen(0, "127.0.0.1"), "listening");
  const { port } = server.address() as AddressInfo;
  try {
    await work({ url: new URL(`http://127.0.0.1:${port}/`), connections: () => sockets.size });
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
}

test("HttpClient reads bodies of each kind, over one connection", () =>
  withSite((request, response) => {
    switch (request.url) {
      case "/chunked":
        response.write("one ");
        response.write("two");
        return response.end();
      case "/none":
        return response.writeHead(204).end();
      case "/early":
        response.writeEarlyHints({ link: "</a.css>; rel=preload; as=style" });
        return response.end("late");
      case "/large":
        return response.end("x".repeat(1_000_000));
      default:
        return response.end(`${request.method} ${request.url} ${request.headers["x-a"] ?? ""}`);
    }
  }, async ({ url, connections }) => {
    const client = new HttpClient();
    const get = async (path: string): Promise<[number, string]> => {
      const { status, body } = await client.get(new URL(path, url));
      return [status, await body.text()];
    };
    assertEquals(await get("/a?b=c"), [200, "GET /a?b=c "]);
    assertEquals(await get("/chunked"), [200, "one two"]);
    assertEquals(await get("/none"), [204, ""]);
    assertEquals(await get("/early"), [200, "late"]);
    assertEquals((await get("/large"))[1].length, 1_000_000);
    const head = await client.get(url, { method: "HEAD", fields: { "X-A": "b" } });
    assertEquals([head.status, await head.body.text()], [200, ""]);
    assertEquals(
      (await client.get(url, { fields: { "X-A": "b" } })).fields.get("content-length"),
      "7",
    );
    assertStrictEquals(connections(), 1);
    client.close();
  }));

test("HttpClient follows redirects, but not for ever", () =>
  withSite(({ url = "" }, response) => {
    const [, kind, count] = url.split("/");
    if (kind !== "go") return void response.end(`at ${url}`);
    const left = Number(count);
    const location = left === 0 ? "../end" : `${left - 1}`;
    response.writeHead([301, 302, 303, 307, 308][left % 5]!, { location }).end("elsewhere");
  }, async ({ url, connections }) => {
    const client = new HttpClient();
    const found = await client.get(new URL("/go/9", url));
    assertEquals([found.url.pathname, await found.body.text()], ["/end", "at /end"]);
    await assertRejects(() => client.get(new URL("/go/10", url)), HttpError, "10 redirects");
    assertStrictEquals(connections(), 1);
    client.close();
  }));

test("HttpClient asks again when a connection was closed just when it was used again", async () => {
  let served = 0;
  const server = await serve({ port: 0, terminator: "\r\n\r\n" }, async (chat) => {
    await chat.read();
    served++;
    await chat.push("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"); // and closes, without a word
  });
  const url = new URL(`http://127.0.0.1:${server.address.port}/`);
  const client = new HttpClient();
  for (let i = 0; i < 3; i++) assertEquals(await (await client.get(url)).body.text(), "ok");
  assertStrictEquals(served, 3);
  client.close();
  await server.shutdown({ grace: 0 });
});

test("HttpClient says so when an answer is broken off, too long, or does not come", () =>
  withSite((request, response) => {
    response.writeHead(200, { "content-length": 100 });
    response.write("half");
    if (request.url === "/reset") setImmediate(() => response.socket!.resetAndDestroy());
    else if (request.url === "/cut") setImmediate(() => response.socket!.end());
  }, async ({ url }) => {
    const client = new HttpClient({ timeout: 200 });
    const body = async (path: string): Promise<string> =>
      (await client.get(new URL(path, url))).body.text();
    await assertRejects(() => body("/cut"), IncompleteFrameError);
    await assertRejects(() => body("/reset"), ConnectionError, "reset");
    await assertRejects(() => body("/silent"), ConnectionError);
    const small = new HttpClient({ maxBody: 99 });
    await assertRejects(() => small.get(url), HttpError, "99 bytes");
    await assertRejects(
      () => client.get(new URL("http://127.0.0.1:1/")),
      ConnectionError,
      "refused",
    );
    await assertRejects(() => client.get(new URL("ftp://127.0.0.1/")), TypeError, "ftp:");
    const left = await client.get(url);
    left.close();
    client.close();
  }));

test("HttpClient can be told to stop", () =>
  withSite(() => {}, async ({ url }) => {
    const stop = new AbortController();
    const client = new HttpClient({ signal: stop.signal });
    const getting = client.get(url);
    stop.abort(new Error("enough"));
    await assertRejects(() => getting, Error, "enough");
  }));

test("HttpClient speaks TLS where the URL says so", async () => {
  const authority = new Authority();
  const { cert, key } = authority.sign("IP:127.0.0.1");
  const server = createSecureServer(
    { cert: cert as string, key: key as string },
    (_request, response) => {
      response.end("secret");
    },
  );
  await once(server.listen(0, "127.0.0.1"), "listening");
  const url = new URL(`https://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  const client = new HttpClient({ tls: { ca: authority.ca } });
  assertEquals(await (await client.get(url)).body.text(), "secret");
  await assertRejects(() => new HttpClient().get(url), ConnectionError);
  client.close();
  server.close();
});

test("HttpClient survives 10,000 servers that say nonsense", () =>
  attackClient({
    samples: [
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
      "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
      "HTTP/1.0 200 OK\r\n\r\nuntil the end",
      "HTTP/1.1 302 Found\r\nLocation: /a\r\nContent-Length: 0\r\n\r\nHTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone",
      `HTTP/1.1 200 OK\r\n${"X: y\r\n".repeat(20)}Content-Length: 3\r\n\r\n\0\xff\n`,
    ],
    async use(port) {
      const client = new HttpClient({ timeout: 5_000, maxBody: 100_000, maxRedirects: 2 });
      try {
        const { body } = await client.get(new URL(`http://127.0.0.1:${port}/`));
        assert((await body.bytes()).length <= 100_000);
      } catch (error) {
        assert(error instanceof ChatError || error instanceof HttpError, String(error));
      } finally {
        client.close();
      }
    },
  }));

test("text and bytes of a body are the same", () =>
  withSite((_request, response) => response.end("häppy"), async ({ url }) => {
    const client = new HttpClient();
    assertEquals(await (await client.get(url)).body.bytes(), bytes("häppy"));
    const pieces: string[] = [];
    for await (const piece of (await client.get(url)).body) pieces.push(text(piece));
    assertEquals(pieces.join(""), "häppy");
    client.close();
  }));
