/** `fromWebSocket()` over every kind of WebSocket that the runtime has. */
import { test } from "node:test";
import { type Connection, fromWebSocket } from "../../mod.ts";
import type { MakePair } from "../../testing.ts";
import { checkConnection } from "../support/connection_checks.ts";
import { CURRENT } from "../support/programs.ts";
import {
  bunPair,
  serveDeno,
  serveWs,
  StandardWebSocket,
  type WebSocketPair,
  webSocketPair,
  WsWebSocket,
} from "../support/websockets.ts";

const NO_HALF_CLOSE = {
  "tells the end to the peer after closeWrite(), again and again, and reads on":
    "a WebSocket has no half-close",
  "goes on writing after the peer has ended its direction": "a WebSocket has no half-close",
};
const NO_PAUSE = {
  "makes the writer wait while the reader does not ask, and reads on in the other direction":
    "a standard WebSocket cannot be held back",
};

const ends = async (pair: Promise<WebSocketPair>): Promise<[Connection, Connection]> => {
  const { left, right } = await pair;
  return [left, right];
};
const reversed = (makePair: MakePair): MakePair => async () => {
  const [left, right] = await makePair();
  return [right, left];
};

const wsPair = (): Promise<[Connection, Connection]> => ends(webSocketPair(WsWebSocket, serveWs));
checkConnection("a WebSocket of ws, the client's,", wsPair, NO_HALF_CLOSE);
checkConnection("a WebSocket of ws, the server's,", reversed(wsPair), NO_HALF_CLOSE);

if (StandardWebSocket === undefined) {
  test("a standard WebSocket is a connection (this version of Node has none)", { skip: true });
} else {
  const Client = StandardWebSocket;
  const standardPair = (): Promise<[Connection, Connection]> =>
    ends(webSocketPair(Client, serveWs));
  checkConnection("a standard WebSocket", standardPair, NO_HALF_CLOSE);
  checkConnection("the peer of a standard WebSocket", reversed(standardPair), {
    ...NO_HALF_CLOSE,
    ...NO_PAUSE,
  });
}

if (CURRENT === "deno") {
  const denoPair = (): Promise<[Connection, Connection]> =>
    ends(webSocketPair(StandardWebSocket!, serveDeno));
  const skipped = { ...NO_HALF_CLOSE, ...NO_PAUSE };
  checkConnection("a WebSocket of Deno.upgradeWebSocket", reversed(denoPair), skipped);
} else {
  test("a WebSocket of Deno.upgradeWebSocket is a connection (Deno alone has it)", { skip: true });
}

if (CURRENT === "bun") {
  const skipped = { ...NO_HALF_CLOSE, ...NO_PAUSE };
  checkConnection("a WebSocket of Bun.serve", async () => {
    const [client, server] = await bunPair();
    return [server, client];
  }, skipped);
} else {
  test("a WebSocket of Bun.serve is a connection (Bun alone has it)", { skip: true });
}
void fromWebSocket;
