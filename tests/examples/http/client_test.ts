/** The HTTP client, against Node's server, and against servers that say anything. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { test } from "node:test";
import { assert, assertEquals, assertRejects, assertStrictEquals } from "@std/assert";
import { HttpClient } from "../../../examples/http/client.ts";
import { HttpError } from "../../../examples/http/error.ts";
import {
  ChatError,
  ConnectionError,
  FrameTooLongError,
  IncompleteFrameError,
  serve,
} from "../../../mod.ts";
import { Deferred } from "../../../src/common/deferred.ts";
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

test("HttpClient takes nothing for an answer that comes before it has asked", async () => {
  let count = 0;
  const seen: string[] = [];
  await using server = await serve({ port: 0, terminator: "\r\n\r\n" }, async (chat) => {
    const own = count++;
    for await (const _ of chat) {
      chat.push("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nfirst");
      if (own > 0) continue;
      await late.promise;
      chat.push("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nother");
    }
    if (own === 0) gone.resolve(); // the client has had enough of it
  });
  const [late, gone] = [new Deferred(), new Deferred()];
  const client = new HttpClient();
  const url = new URL(`http://127.0.0.1:${server.address.port}/`);
  const get = async (): Promise<void> => void seen.push(await (await client.get(url)).body.text());
  await get();
  late.resolve();
  await gone.promise;
  await get();
  assertEquals([seen, count], [["first", "first"], 2]);
  client.close();
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

test("HttpClient never asks by https: over a connection that is in clear", () =>
  withSite((_request, response) => response.end("in clear"), async ({ url, connections }) => {
    const client = new HttpClient();
    assertEquals(await (await client.get(url)).body.text(), "in clear");
    const secure = new URL(url.href.replace("http:", "https:"));
    await assertRejects(() => client.get(secure), ConnectionError);
    assertStrictEquals(connections(), 2);
    client.close();
  }));

test("HttpClient tells no other server what was meant for one, and follows no redirect that it may not", () =>
  withSite((_request, response) => {
    response.end("own");
  }, async ({ url: own }) => {
    const asked: IncomingMessage[] = [];
    await withSite((request, response) => {
      asked.push(request);
      if (request.url === "/here") return void response.end("here");
      const location = { "/away": own.href, "/back": "/here" }[request.url!];
      response.writeHead(302, { location }).end();
    }, async ({ url }) => {
      const client = new HttpClient();
      const fields = { Authorization: "secret", Cookie: "a=b", "X-A": "c" };
      const get = async (path: string, mayFollow?: (to: URL) => boolean): Promise<unknown[]> => {
        const options = mayFollow === undefined ? { fields } : { fields, mayFollow };
        const { status, body } = await client.get(new URL(path, url), options);
        return [status, await body.text()];
      };
      assertEquals(await get("/back"), [200, "here"]);
      assertStrictEquals(asked.at(-1)!.headers["authorization"], "secret");
      assertEquals(await get("/away"), [200, "own"]);
      assertEquals(await get("/away", ({ origin }) => origin === url.origin), [302, ""]);
      client.close();
    });
    const told: (string | undefined)[] = [];
    await withSite((request, response) => {
      told.push(request.headers["authorization"], request.headers["cookie"]);
      told.push(request.headers["x-a"] as string);
      response.end();
    }, ({ url: other }) =>
      withSite((_request, response) => {
        response.writeHead(302, { location: other.href }).end();
      }, async ({ url }) => {
        const client = new HttpClient();
        const fields = { Authorization: "secret", Cookie: "a=b", "X-A": "c" };
        await (await client.get(url, { fields })).body.text();
        client.close();
      }));
    assertEquals(told, [undefined, undefined, "c"]);
  }));

test("HttpClient says so when a redirect leads to where nobody can go", () =>
  withSite(({ url = "" }, response) => {
    response.writeHead(302, { location: decodeURIComponent(url.slice(1)) }).end();
  }, async ({ url }) => {
    const client = new HttpClient();
    for (
      const location of [
        "ftp://127.0.0.1/",
        "file:///etc/passwd",
        "http://127.0.0.1:0/",
        "http://[",
      ]
    ) {
      const going = client.get(new URL(encodeURIComponent(location), url));
      await assertRejects(() => going, HttpError, "Location cannot be");
    }
    client.close();
  }));

test("HttpClient closes a connection as soon as a body cannot be read to its end", async () => {
  const ends: Promise<unknown>[] = [];
  const server = await serve(
    { port: 0, terminator: "\r\n\r\n", encoding: "utf-8" },
    async (chat) => {
      const head = await chat.read();
      const status = head!.includes("/redirect") ? "302 Found\r\nLocation: /x" : "200 OK";
      chat.push(`HTTP/1.1 ${status}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n`);
      chat.push(head!.includes("/long") ? "ffffff\r\n" : "nonsense\r\n");
      const ended = chat.read(); // which is the end of the stream, at once: the client waits for nothing
      ends.push(ended);
      await ended;
    },
  );
  const client = new HttpClient({ maxBody: 1_000, timeout: 600_000 });
  for (const path of ["/long", "/nonsense", "/redirect"]) {
    const url = new URL(path, `http://127.0.0.1:${server.address.port}`);
    await assertRejects(async () => await (await client.get(url)).body.bytes(), HttpError);
  }
  assertEquals(await Promise.all(ends), [null, null, null]);
  await server.shutdown();
});

test("HttpClient gives up a server that says nothing but what comes before an answer, or has no end of fields", async () => {
  function* endless(text: string): Generator<string> {
    for (;;) yield text;
  }
  const server = await serve({
    port: 0,
    terminator: "\r\n\r\n",
    encoding: "utf-8",
    onError: () => {},
  }, async (chat) => {
    const head = await chat.read();
    if (head!.includes("/fields")) await chat.push("HTTP/1.1 200 OK\r\n", endless("X: y\r\n"));
    else await chat.push(endless("HTTP/1.1 103 Early Hints\r\n\r\n"));
    await chat.flush();
  });
  const client = new HttpClient();
  const get = (path: string): Promise<unknown> =>
    client.get(new URL(path, `http://127.0.0.1:${server.address.port}`));
  await assertRejects(() => get("/fields"), FrameTooLongError);
  await assertRejects(() => get("/interim"), HttpError, "does not come to the point");
  await server.shutdown({ grace: 0 });
});

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
