/** The chat's web server: whom it lets in, and that who comes is a member like others. */
import { once } from "node:events";
import { connect as connectSocket, type Socket } from "node:net";
import { test } from "node:test";
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertRejects,
  assertStrictEquals,
} from "@std/assert";
import { WebSocket } from "ws";
import { Hub } from "../../../examples/chat/hub.ts";
import { LocalBus } from "../../../examples/chat/local_bus.ts";
import { Peers } from "../../../examples/chat/peers.ts";
import { serveMember } from "../../../examples/chat/session.ts";
import { serveWeb } from "../../../examples/chat/web.ts";
import { UserError } from "../../../examples/command_line.ts";
import { Watch } from "../../../examples/watching/watch.ts";
import { BackpressureError, type Chat, fromWebSocket } from "../../../mod.ts";
import { Talker } from "../../support/talker.ts";

interface Site {
  readonly host: string;
  readonly port: number;
  readonly log: string[];
  readonly chats: Chat<string>[];
  come(nick: string): Promise<Talker>;
}

async function withSite(
  work: (site: Site) => Promise<void>,
  maxConnections: number = 100,
): Promise<void> {
  const hub = new Hub(new Peers(new LocalBus(), "one"));
  await hub.start();
  const log: string[] = [];
  const chats: Chat<string>[] = [];
  const watch = new Watch({ log: (line) => log.push(line) });
  const web = await serveWeb({
    hostname: "127.0.0.1",
    port: 0,
    maxConnections,
    serve(chat, name) {
      chats.push(chat);
      watch.begin(chat, name);
      return serveMember(chat, hub, watch);
    },
  });
  const { port } = web.address;
  const host = `127.0.0.1:${port}`;
  const come = async (nick: string): Promise<Talker> => {
    const talker = Talker.over(fromWebSocket(new WebSocket(`ws://${host}/chat`)));
    await talker.enter(nick);
    return talker;
  };
  try {
    await work({ host, port, log, chats, come });
  } finally {
    await web.shutdown(0);
    await hub.stop();
  }
}

test("serveWeb() serves the page, its style, and its script, which may load nothing else", () =>
  withSite(async ({ host }) => {
    for (
      const [path, type] of [["/", "html"], ["/page.css", "css"], ["/page.js?x", "javascript"]]
    ) {
      const answer = await fetch(`http://${host}${path}`);
      assertStrictEquals(answer.status, 200);
      assertMatch(answer.headers.get("content-type")!, new RegExp(`^text/${type}; charset=utf-8$`));
      assertMatch(
        answer.headers.get("content-security-policy")!,
        /^default-src 'none'; script-src 'self'/,
      );
      assert((await answer.text()).length > 100);
    }
    for (const [path, method, status] of [["/x", "GET", 404], ["/", "POST", 405]] as const) {
      const answer = await fetch(`http://${host}${path}`, { method });
      assertStrictEquals(answer.status, status);
      await answer.text();
    }
  }));

test("serveWeb() lets members talk over WebSockets", () =>
  withSite(async ({ come, log }) => {
    const ada = await come("ada");
    const bob = await come("bob");
    await bob.ask("hello ü", /^bob: hello ü$/);
    await ada.until(/^bob: hello ü$/);
    await bob.say("/quit bye");
    await bob.ended();
    await ada.until(/^\* bob leaves lobby: bye$/);
    assertEquals(log.map((line) => line.replace(/:\d+/, "")), [
      "127.0.0.1 web  begins",
      "127.0.0.1 web  begins",
      "127.0.0.1 web  ends: in order",
    ]);
    ada.chat.close();
  }));

/** The first line of the answer to an upgrade, and the socket, which reads no more. */
async function upgrade(
  port: number,
  path: string,
  fields: readonly string[],
): Promise<[string, Socket]> {
  const socket = connectSocket(port, "127.0.0.1");
  socket.on("error", () => {}); // it may be cut off
  await once(socket, "connect");
  const head = [
    `GET ${path} HTTP/1.1`,
    ...["Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13"],
    ...["Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", ...fields],
  ];
  socket.write(`${head.join("\r\n")}\r\n\r\n`);
  const [data] = await once(socket, "data");
  socket.pause();
  return [String(data).split("\r\n")[0]!, socket];
}

test("serveWeb() refuses WebSockets of other sites' pages, and under names that may be anybody's", () =>
  withSite(async ({ host, port }) => {
    const cases: readonly (readonly [path: string, fields: string[], status: number])[] = [
      ["/chat", [`Host: ${host}`], 101],
      ["/chat", [`Host: ${host}`, `Origin: http://${host}`], 101],
      ["/chat", [`Host: localhost:${port}`, `Origin: http://localhost:${port}`], 101],
      ["/chat", [`Host: ${host}`, "Origin: http://evil.example"], 403],
      ["/chat", [`Host: ${host}`, `Origin: http://127.0.0.1:1`], 403],
      ["/chat", [`Host: ${host}`, "Origin: null"], 403],
      ["/chat", [`Host: evil.example:${port}`, `Origin: http://evil.example:${port}`], 403],
      ["/chat", ["Host: [", "Origin: http://["], 403],
      ["/other", [`Host: ${host}`], 404],
    ];
    for (const [path, fields, status] of cases) {
      const [line, socket] = await upgrade(port, path, fields);
      assertMatch(line, new RegExp(`^HTTP/1\\.1 ${status} `), `${path} ${fields}`);
      socket.destroy();
    }
  }));

test("serveWeb() refuses more WebSockets than it may have", () =>
  withSite(async ({ come, host, port }) => {
    const ada = await come("ada");
    const [line, socket] = await upgrade(port, "/chat", [`Host: ${host}`]);
    assertMatch(line, /^HTTP\/1\.1 503 /);
    socket.destroy();
    ada.chat.close();
  }, 1));

test("a member over a WebSocket who does not read is closed, and the others are told", () =>
  withSite(async ({ come, host, port, log, chats }) => {
    const ada = await come("ada");
    const [, deaf] = await upgrade(port, "/chat", [`Host: ${host}`]);
    const name = Uint8Array.of(0x82, 0x85, 0, 0, 0, 0, ...new TextEncoder().encode("deaf\n"));
    deaf.write(name); // one masked frame
    await ada.until(/^\* deaf joins lobby$/);
    let isOver = false;
    const talking = (async () => {
      for (const words = "x".repeat(1_000); !isOver;) {
        await ada.say(words);
        await ada.chat.flush();
      }
    })();
    await ada.until(/^\* deaf leaves lobby: does not read$/);
    isOver = true;
    await talking;
    assertInstanceOf(await chats[1]!.closed, BackpressureError);
    assertMatch(log.at(-1)!, /ends: .*maxQueuedBytes/);
    ada.chat.close();
    deaf.destroy();
  }));

test("serveWeb() says so when it cannot listen", () =>
  withSite(async ({ port }) => {
    const again = (): Promise<unknown> =>
      serveWeb({ hostname: "127.0.0.1", port, maxConnections: 1, serve: () => Promise.resolve() });
    await assertRejects(again, UserError, "cannot serve the page");
  }));
