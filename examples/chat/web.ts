import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type AddressInfo, isIP } from "node:net";
import type { Duplex } from "node:stream";
import { fileURLToPath } from "node:url";
import { build, stop } from "esbuild";
import { type WebSocket, WebSocketServer } from "ws";
import { type Address, Chat, ClosedError } from "../../mod.ts";
import { fromWebSocket } from "../../src/websocket/mod.ts";
import { formatAddress, UserError } from "../command_line.ts";
import { CHAT } from "./session.ts";

export interface WebOptions {
  readonly hostname: string;
  readonly port: number;
  /** How many WebSockets there may be at a time. */
  readonly maxConnections: number;
  /** Serves one member, to its end. */
  readonly serve: (chat: Chat<string>, name: string) => Promise<void>;
}

export interface WebServer {
  readonly address: Address;
  /** Ends when the last member is gone: those who are there after so many milliseconds are closed. */
  shutdown(grace: number): Promise<void>;
}

/** Scripts and styles are the page's own, and it talks to nobody else. */
const HEADERS = {
  "content-security-policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src data:; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cache-control": "no-cache",
};

/** What a browser may send at a time: more than the longest line, and less than a burden. */
const LONGEST_MESSAGE = 64 * 1024;

interface Part {
  readonly type: string;
  readonly content: string;
}

/** Serves the page, and the members who come with it, over WebSockets. Resolves when it listens. */
export async function serveWeb(
  { hostname, port, maxConnections, serve }: WebOptions,
): Promise<WebServer> {
  const parts = await loadPage();
  const chats = new Set<Chat<string>>();
  const sockets = new WebSocketServer({ noServer: true, maxPayload: LONGEST_MESSAGE });
  const http = createServer(
    { keepAlive: true },
    (request, response) => answer(request, response, parts),
  );
  http.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Uint8Array) => {
    const status = refusalOf(request, hostname) ?? (chats.size < maxConnections ? undefined : 503);
    if (status !== undefined) {
      return void socket.end(`HTTP/1.1 ${status} Refused\r\nConnection: close\r\n\r\n`);
    }
    sockets.handleUpgrade(request, socket, head as never, (webSocket) => {
      void handle(webSocket, nameOf(request));
    });
  });

  async function handle(socket: WebSocket, name: string): Promise<void> {
    const chat = new Chat<string>(fromWebSocket(socket), CHAT);
    chats.add(chat);
    try {
      await serve(chat, name);
      await chat.closeWhenDone();
    } catch (error) {
      chat.close(error);
    }
    await chat.closed;
    chats.delete(chat);
  }

  try {
    await once(http.listen(port, hostname), "listening");
  } catch (cause) {
    throw new UserError(`cannot serve the page: ${(cause as Error).message}`, { cause });
  }
  const { address, port: chosen } = http.address() as AddressInfo;
  return {
    address: { hostname: address, port: chosen, transport: "tcp" },
    async shutdown(grace) {
      http.close();
      const all = [...chats];
      const timer = setTimeout(() => {
        for (const chat of all) chat.close(new ClosedError("the server is shutting down"));
      }, grace);
      await Promise.all(all.map((chat) => chat.closed));
      clearTimeout(timer);
      http.closeAllConnections();
    },
  };
}

/** The page, its style, and its script: `page.ts` with all that it imports. */
async function loadPage(): Promise<Map<string, Part>> {
  const file = (name: string): string => fileURLToPath(new URL(name, import.meta.url));
  const { outputFiles } = await build({
    entryPoints: [file("page.ts")],
    bundle: true,
    minify: true,
    write: false,
    format: "esm",
    platform: "browser",
    logLevel: "silent",
  });
  await stop(); // it is a process of its own
  const [html, css] = await Promise.all(
    ["page.html", "page.css"].map((name) => readFile(file(name), "utf8")),
  );
  return new Map([
    ["/", { type: "text/html; charset=utf-8", content: html! }],
    ["/page.css", { type: "text/css; charset=utf-8", content: css! }],
    ["/page.js", { type: "text/javascript; charset=utf-8", content: outputFiles[0]!.text }],
  ]);
}

function answer(
  { method, url = "" }: IncomingMessage,
  response: ServerResponse,
  parts: ReadonlyMap<string, Part>,
): void {
  const part = parts.get(url.split("?")[0]!);
  if (part === undefined) {
    response.writeHead(404, { ...HEADERS, "content-type": "text/plain" }).end(
      "there is no such page\n",
    );
  } else if (method !== "GET" && method !== "HEAD") {
    response.writeHead(405, { ...HEADERS, allow: "GET, HEAD" }).end();
  } else {
    response.writeHead(200, { ...HEADERS, "content-type": part.type }).end(part.content);
  }
}

/**
 * Why a WebSocket is refused, as a status. A browser opens one for any page to any server, with the name of the page's own server in
 * `Origin`: that must be this one. And this one must be called by a name that nobody else can let lead here.
 */
function refusalOf({ url, headers }: IncomingMessage, hostname: string): number | undefined {
  const { host = "", origin } = headers;
  if (url !== "/chat") return 404;
  if (!isOurs(host, hostname)) return 403;
  if (origin === undefined) return undefined; // no browser
  return URL.canParse(origin) && new URL(origin).host === host.toLowerCase() ? undefined : 403;
}

/** Whether a `Host` is an address, `localhost`, or the name that the server was given. */
function isOurs(host: string, hostname: string): boolean {
  if (!URL.canParse(`http://${host}`)) return false;
  const name = new URL(`http://${host}`).hostname.replace(/^\[(.*)\]$/, "$1");
  return isIP(name) !== 0 || name === "localhost" || name === hostname.toLowerCase();
}

function nameOf({ socket }: IncomingMessage): string {
  const { remoteAddress: hostname = "somebody", remotePort: port = 0 } = socket;
  return `${formatAddress({ hostname, port, transport: "tcp" })} web`;
}
