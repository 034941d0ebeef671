/** The HTTP client, against Node's server, and against servers that say anything. */
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { test } from "node:test";
import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  type ClientOptions,
  HttpClient,
  type RequestOptions,
} from "../../../examples/http/client.ts";
import { HttpError } from "../../../examples/http/error.ts";
import {
  type Chat,
  ChatError,
  ConnectionError,
  FrameTooLongError,
  IncompleteFrameError,
  serve,
} from "../../../mod.ts";
import { Deferred } from "../../../src/common/deferred.ts";
import { Authority } from "../../support/certificates.ts";
import { attackClient } from "../../support/hostile_peers.ts";

/** Asks, and reads the whole answer. */
type Get = (
  path: string | URL,
  options?: RequestOptions,
) => Promise<[status: number, text: string]>;

function getWith(client: HttpClient, base: URL): Get {
  return async (path, options) => {
    const { status, body } = await client.get(new URL(path, base), options);
    return [status, await body.text()];
  };
}

interface Site {
  readonly url: URL;
  readonly client: HttpClient;
  readonly get: Get;
  /** How many connections there were. */
  readonly connections: () => number;
}

/** A client of a server of Node's. */
async function withSite(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
  work: (site: Site) => Promise<void>,
  options: ClientOptions = {},
): Promise<void> {
  const server = createServer(answer);
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => sockets.add(socket));
  await once(server.listen(0, "127.0.0.1"), "listening");
  const url = new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  const client = new HttpClient(options);
  try {
    await work({ url, client, get: getWith(client, url), connections: () => sockets.size });
  } finally {
    client.close();
    for (const socket of sockets) socket.destroy();
    server.close();
  }
}

/** A client of a server that answers each head as it likes. */
async function withPlayedServer(
  play: (chat: Chat<string>, head: string) => Promise<unknown>,
  work: (get: Get) => Promise<void>,
  options: ClientOptions = {},
): Promise<void> {
  const heads = { port: 0, terminator: "\r\n\r\n", encoding: "utf-8", onError() {} } as const;
  const server = await serve(heads, async (chat) => void await play(chat, (await chat.read())!));
  const client = new HttpClient(options);
  try {
    await work(getWith(client, new URL(`http://127.0.0.1:${server.address.port}`)));
  } finally {
    client.close();
    await server.shutdown({ grace: 0 });
  }
}

test("HttpClient reads bodies of each kind, over one connection", () =>
  withSite((request, response) => {
    switch (request.url) {
      case "/chunked":
        response.write("one ");
        response.write("twö");
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
  }, async ({ get, connections }) => {
    assertEquals(await get("/a?b=c", { fields: { "X-A": "d" } }), [200, "GET /a?b=c d"]);
    assertEquals(await get("/chunked"), [200, "one twö"]);
    assertEquals(await get("/none"), [204, ""]);
    assertEquals(await get("/early"), [200, "late"]);
    assertEquals((await get("/large"))[1].length, 1_000_000);
    assertEquals(await get("/", { method: "HEAD" }), [200, ""]);
    assertEquals(connections(), 1);
  }));

test("HttpClient follows redirects, but not for ever, and not to where nobody can go", () =>
  withSite(({ url = "" }, response) => {
    const [, kind, to = ""] = url.split("/");
    if (kind === "to") response.writeHead(302, { location: decodeURIComponent(to) }).end();
    else if (kind !== "go") response.end(`at ${url}`);
    else {
      const left = Number(to);
      const location = left === 0 ? "../end" : `${left - 1}`;
      response.writeHead([301, 302, 303, 307, 308][left % 5]!, { location }).end("elsewhere");
    }
  }, async ({ get, connections }) => {
    assertEquals(await get("/go/9"), [200, "at /end"]);
    await assertRejects(() => get("/go/10"), HttpError, "10 redirects");
    assertEquals(connections(), 1);
    for (const to of ["ftp://127.0.0.1/", "file:///a", "http://127.0.0.1:0/", "http://["]) {
      await assertRejects(() => get(`/to/${encodeURIComponent(to)}`), HttpError, "Location");
    }
  }));

test("HttpClient asks again when a connection was closed just when it was used again", async () => {
  let served = 0;
  await withPlayedServer((chat) => {
    served++;
    return chat.push("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"); // and closes, without a word
  }, async (get) => {
    for (let i = 0; i < 3; i++) assertEquals(await get("/"), [200, "ok"]);
  });
  assertEquals(served, 3);
});

test("HttpClient takes nothing for an answer that comes before it has asked", async () => {
  const [late, gone] = [new Deferred(), new Deferred()];
  let count = 0;
  const answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
  await withPlayedServer(async (chat) => {
    chat.push(`${answer}first`);
    if (count++ > 0) return;
    await late.promise;
    chat.push(`${answer}other`);
    while (await chat.read() !== null);
    gone.resolve(); // the client has had enough of it
  }, async (get) => {
    assertEquals(await get("/"), [200, "first"]);
    late.resolve();
    await gone.promise;
    assertEquals(await get("/"), [200, "first"]);
  });
  assertEquals(count, 2);
});

test("HttpClient says so when an answer is broken off, or too long, and when there is no server", () =>
  withSite((request, response) => {
    response.writeHead(200, { "content-length": 100 });
    response.write("half");
    if (request.url === "/reset") setImmediate(() => response.socket!.resetAndDestroy());
    else setImmediate(() => response.socket!.end());
  }, async ({ get }) => {
    await assertRejects(() => get("/cut"), IncompleteFrameError);
    await assertRejects(() => get("/reset"), ConnectionError);
    await assertRejects(() => get("http://127.0.0.1:1/"), ConnectionError);
    await assertRejects(() => get("ftp://127.0.0.1/"), TypeError, "ftp:");
  }));

test("HttpClient gives up a server that is silent, and one that says more than it may", async () => {
  await withPlayedServer(async (chat, head) => {
    if (head.includes("/half")) chat.push("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
    await chat.read();
  }, async (get) => {
    for (const path of ["/", "/half"]) await assertRejects(() => get(path), ChatError);
  }, { timeout: 50 });
  function* endless(text: string): Generator<string> {
    for (;;) yield text;
  }
  await withPlayedServer(
    (chat, head) =>
      head.includes("/fields")
        ? chat.push("HTTP/1.1 200 OK\r\n", endless("X: y\r\n"))
        : chat.push(endless("HTTP/1.1 103 Early Hints\r\n\r\n")),
    async (get) => {
      await assertRejects(() => get("/fields"), FrameTooLongError);
      await assertRejects(() => get("/interim"), HttpError);
    },
  );
});

test("HttpClient closes a connection as soon as a body cannot be read to its end", async () => {
  const ends: (string | null)[] = [];
  await withPlayedServer(async (chat, head) => {
    const status = head.includes("/redirect") ? "302 Found\r\nLocation: /x" : "200 OK";
    chat.push(`HTTP/1.1 ${status}\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n`);
    chat.push(head.includes("/long") ? "ffffff\r\n" : "nonsense\r\n");
    ends.push(await chat.read()); // the end of the stream, at once: the client waits for nothing
  }, async (get) => {
    for (const path of ["/long", "/nonsense", "/redirect"]) {
      await assertRejects(() => get(path), HttpError);
    }
    // The server is told of the last end a moment later.
    while (ends.length < 3) await new Promise((resolve) => setTimeout(resolve, 1));
  }, { maxBody: 1_000 });
  assertEquals(ends, [null, null, null]);
});

test("HttpClient tells no other server what was meant for one, and follows no redirect that it may not", () => {
  const asked: IncomingMessage[] = [];
  return withSite((request, response) => {
    asked.push(request);
    response.end("other");
  }, ({ url: other }) =>
    withSite((request, response) => {
      asked.push(request);
      if (request.url === "/here") return void response.end("here");
      const location = request.url === "/back" ? "/here" : other.href;
      response.writeHead(302, { location }).end();
    }, async ({ url, get }) => {
      const fields = { Authorization: "secret", Cookie: "a=b", "X-A": "c" };
      const toldLast = (): unknown[] =>
        ["authorization", "cookie", "x-a"].map((name) => asked.at(-1)!.headers[name]);
      assertEquals(await get("/back", { fields }), [200, "here"]);
      assertEquals(toldLast(), ["secret", "a=b", "c"]);
      assertEquals(await get("/away", { fields }), [200, "other"]);
      assertEquals(toldLast(), [undefined, undefined, "c"]);
      const mayFollow = ({ origin }: URL): boolean => origin === url.origin;
      assertEquals(await get("/away", { fields, mayFollow }), [302, ""]);
    }));
});

test("HttpClient can be told to stop", () => {
  const stop = new AbortController();
  return withSite(
    () => stop.abort(new Error("enough")),
    async ({ get }) => void await assertRejects(() => get("/"), Error, "enough"),
    { signal: stop.signal },
  );
});

test("HttpClient speaks TLS where the URL says so, and never over a connection that is in clear", async () => {
  const authority = new Authority();
  const server = createSecureServer(authority.sign("IP:127.0.0.1"), (_request, response) => {
    response.end("secret");
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  const url = new URL(`https://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  const client = new HttpClient({ tls: { ca: authority.ca } });
  assertEquals(await getWith(client, url)("/"), [200, "secret"]);
  await assertRejects(() => new HttpClient().get(url), ConnectionError);
  client.close();
  server.close();

  await withSite((_request, response) => response.end("in clear"), async (site) => {
    assertEquals(await site.get("/"), [200, "in clear"]);
    const secure = new URL(site.url.href.replace("http:", "https:"));
    await assertRejects(() => site.get(secure), ConnectionError);
    assertEquals(site.connections(), 2);
  });
});

test("HttpClient survives servers that say nonsense", () =>
  attackClient([
    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    "HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    "HTTP/1.0 200 OK\r\n\r\nuntil the end",
    "HTTP/1.1 302 Found\r\nLocation: /a\r\nContent-Length: 0\r\n\r\nHTTP/1.1 404 Not Found\r\nContent-Length: 4\r\n\r\nnone",
    `HTTP/1.1 200 OK\r\n${"X: y\r\n".repeat(20)}Content-Length: 3\r\n\r\n\0\xff\n`,
  ], async (port) => {
    const client = new HttpClient({ maxBody: 100_000, maxRedirects: 2 });
    try {
      const { body } = await client.get(new URL(`http://127.0.0.1:${port}/`));
      assert((await body.bytes()).length <= 100_000);
    } catch (error) {
      assert(error instanceof ChatError || error instanceof HttpError, String(error));
    } finally {
      client.close();
    }
  }));
