/** The chat's web server: whom it lets in, and that who comes is a member like others. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import { assert, assertEquals, assertInstanceOf, assertMatch, assertRejects } from "@std/assert";
import { WebSocket } from "ws";
import { Hub } from "../../../examples/chat/hub.ts";
import { LocalBus } from "../../../examples/chat/local_bus.ts";
import { parseLine } from "../../../examples/chat/page_line.ts";
import { Peers } from "../../../examples/chat/peers.ts";
import { serveMember } from "../../../examples/chat/session.ts";
import { serveWeb } from "../../../examples/chat/web.ts";
import { UserError } from "../../../examples/command_line.ts";
import { Watch } from "../../../examples/watching/watch.ts";
import { BackpressureError, type Chat } from "../../../mod.ts";
import { fromWebSocket } from "../../../src/websocket/mod.ts";
import { Talker } from "../../support/talker.ts";

interface Site {
  readonly host: string;
  readonly port: number;
  readonly log: string[];
  readonly chats: Chat<string>[];
}

async function withSite(work: (site: Site) => Promise<void>): Promise<void> {
  const hub = new Hub(new Peers(new LocalBus(), "one"));
  await hub.start();
  const log: string[] = [];
  const chats: Chat<string>[] = [];
  const watch = new Watch({ log: (line) => log.push(line) });
  const web = await serveWeb({
    ...{ hostname: "127.0.0.1", port: 0, maxConnections: 4 },
    serve(chat, name) {
      chats.push(chat);
      watch.begin(chat, name);
      return serveMember(chat, hub, watch);
    },
  });
  const { port } = web.address;
  try {
    await work({ host: `127.0.0.1:${port}`, port, log, chats });
  } finally {
    await web.shutdown(0);
    await hub.stop();
  }
}

/** The status of the answer to an upgrade, and the socket, which reads no more. */
async function upgrade(
  port: number,
  path: string,
  ...fields: readonly string[]
): Promise<[status: number, socket: Socket]> {
  const socket = connect(port, "127.0.0.1");
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
  return [Number(String(data).match(/^HTTP\/1\.1 (\d+) /)?.[1]), socket];
}

test("serveWeb() serves the page, its style, and its script, which may load nothing else", () =>
  withSite(async ({ host, port }) => {
    for (
      const [path, type] of [["/", "html"], ["/page.css", "css"], ["/page.js?x", "javascript"]]
    ) {
      const answer = await fetch(`http://${host}${path}`);
      assertEquals(answer.status, 200);
      assertEquals(answer.headers.get("content-type"), `text/${type}; charset=utf-8`);
      const policy = answer.headers.get("content-security-policy");
      assertMatch(policy!, /^default-src 'none'; script-src 'self'/);
      assert((await answer.text()).length > 100);
    }
    for (const [path, method, status] of [["/x", "GET", 404], ["/", "POST", 405]] as const) {
      const answer = await fetch(`http://${host}${path}`, { method });
      assertEquals(answer.status, status);
      await answer.text();
    }
    const again = {
      hostname: "127.0.0.1",
      port,
      maxConnections: 1,
      serve: () => Promise.resolve(),
    };
    await assertRejects(() => serveWeb(again), UserError, "cannot serve the page");
  }));

test("serveWeb() refuses WebSockets of other sites' pages, under names that may be anybody's, and more than it may have", () =>
  withSite(async ({ host, port }) => {
    const cases: readonly (readonly [path: string, fields: string[], status: number])[] = [
      ["/chat", [`Host: ${host}`, "Origin: http://evil.example"], 403],
      ["/chat", [`Host: ${host}`, `Origin: http://127.0.0.1:1`], 403],
      ["/chat", [`Host: ${host}`, "Origin: null"], 403],
      ["/chat", [`Host: evil.example:${port}`, `Origin: http://evil.example:${port}`], 403],
      ["/chat", ["Host: [", "Origin: http://["], 403],
      ["/other", [`Host: ${host}`], 404],
      ["/chat", [`Host: ${host}`], 101],
      ["/chat", [`Host: ${host}`, `Origin: http://${host}`], 101],
      ["/chat", [`Host: localhost:${port}`, `Origin: http://localhost:${port}`], 101],
      ["/chat", [`Host: ${host}`], 101],
      ["/chat", [`Host: ${host}`], 503],
    ];
    const sockets: Socket[] = [];
    for (const [path, fields, expected] of cases) {
      const [status, socket] = await upgrade(port, path, ...fields);
      assertEquals(status, expected, `${path} ${fields}`);
      sockets.push(socket);
    }
    for (const socket of sockets) socket.destroy();
  }));

test("serveWeb() lets members talk over WebSockets, and one who does not read is closed, and the others are told", () =>
  withSite(async ({ host, port, log, chats }) => {
    const come = async (nick: string): Promise<Talker> => {
      const talker = Talker.over(fromWebSocket(new WebSocket(`ws://${host}/chat`)));
      await talker.enter(nick);
      return talker;
    };
    const ada = await come("ada");
    const bob = await come("bob");
    await bob.ask("hello ü", /^bob: hello ü$/);
    await ada.until(/^bob: hello ü$/);
    await bob.say("/quit bye");
    await bob.ended();
    await ada.until(/^\* bob leaves lobby: bye$/);
    const seen = log.map((line) => line.replace(/:\d+/, ""));
    assertEquals(seen.slice(0, 2), Array(2).fill("127.0.0.1 web  begins"));
    assertEquals(seen.slice(2), ["127.0.0.1 web  ends: in order"]);

    const [, deaf] = await upgrade(port, "/chat", `Host: ${host}`);
    const name = Uint8Array.of(0x82, 0x85, 0, 0, 0, 0, ...new TextEncoder().encode("deaf\n"));
    deaf.write(name); // one masked frame
    await ada.until(/^\* deaf joins lobby$/);
    while (!ada.lines.includes("* deaf leaves lobby: does not read")) {
      for (let i = 0; i < 100; i++) ada.chat.push(`${i} ${"x".repeat(1_000)}\n`);
      await ada.until(/^ada: 99 /);
    }
    assertInstanceOf(await chats[2]!.closed, BackpressureError);
    assertMatch(log.at(-1)!, /ends: .*maxQueuedBytes/);
    ada.chat.close();
    deaf.destroy();
  }));

test("parseLine() takes nothing that somebody says for what the server says", () => {
  const words = "a: b (c) * !";
  for (
    const [line, expected] of [
      [`Zoë: ${words}`, { type: "said", nick: "Zoë", words }],
      [`[1970-01-01T00:00:00.000Z] Zoë: ${words}`, {
        type: "said",
        nick: "Zoë",
        words,
        time: new Date(0),
      }],
      [`(Zoë) ${words}`, { type: "whispered", nick: "Zoë", words }],
      [`(to Zoë) ${words}`, { type: "whisper", to: "Zoë", words }],
      [`* Zoë leaves tea: ${words}`, { type: "moved", text: `Zoë leaves tea: ${words}` }],
      [`! ${words}`, { type: "refused", text: words }],
    ] as const
  ) assertEquals(parseLine(line) as unknown, expected);
});
