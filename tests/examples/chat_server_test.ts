/** The chat server: a room with some who never read, and the program as a person runs it, alone and with others over NATS. */
import { once } from "node:events";
import { connect as connectSocket } from "node:net";
import process from "node:process";
import { test } from "node:test";
import {
  assert,
  assertEquals,
  assertInstanceOf,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { WebSocket } from "ws";
import { Hub } from "../../examples/chat/hub.ts";
import { LocalBus } from "../../examples/chat/local_bus.ts";
import { Peers } from "../../examples/chat/peers.ts";
import { CHAT, serveMember } from "../../examples/chat/session.ts";
import { Watch } from "../../examples/watching/watch.ts";
import { BackpressureError, type Chat, connect, serve } from "../../mod.ts";
import { fromWebSocket } from "../../src/websocket/mod.ts";
import { Cable } from "../support/cable.ts";
import { ExampleServer } from "../support/examples.ts";
import { NatsServer } from "../support/nats_server.ts";
import { peerTest } from "../support/test_with_peer.ts";
import { command, Program } from "../support/programs.ts";
import { shellOutput } from "../support/shell.ts";
import { Talker } from "../support/talker.ts";

/** How many are in a room: `CHAT_MEMBERS=1000` in the environment lets more of them come. */
const MEMBERS = Number(process.env["CHAT_MEMBERS"] ?? 100);
const MAX_QUEUED = 192 * 1024;
const LINE = "x".repeat(60_000);

test("a chat room closes those who never read, and the others hear everything in order", async () => {
  const [reading, silent] = [Math.ceil(MEMBERS / 10), Math.ceil(MEMBERS / 30)];
  const hub = new Hub(new Peers(new LocalBus(), "one"));
  await hub.start();
  const watch = new Watch({ log: () => {} });
  const chats: Chat<string>[] = [];
  const errors: unknown[] = [];
  const limits = { ...CHAT, maxFrameLength: 64 * 1024, maxQueuedBytes: MAX_QUEUED };
  const onError = (error: unknown): void => void errors.push(error);
  const server = await serve({ port: 0, ...limits, onError }, (chat) => {
    chats.push(chat);
    return serveMember(chat, hub, watch);
  });
  const { port } = server.address;
  const deaf = await Promise.all(Array.from({ length: silent }, async (_, i) => {
    const socket = connectSocket(port, "127.0.0.1").pause();
    socket.on("error", () => {}); // it is cut off
    await once(socket, "connect");
    socket.write(`deaf${i}\n`);
    return socket;
  }));
  const readers: Chat<string>[] = [];
  for (let i = 0; i < reading; i++) {
    const reader = await connect({ port, ...limits });
    await reader.send(`reader${i}`);
    while (!(await reader.read())!.startsWith("* in lobby"));
    readers.push(reader);
  }
  const left = new Set<string>();
  /** Reads what comes, up to what one of them says, which is the next that anybody has said. */
  const hear = async (reader: Chat<string>, said: string): Promise<void> => {
    for (;;) {
      const line = (await reader.read())!;
      const [, nick] = line.match(/^\* (\S+) leaves lobby: does not read$/) ?? [];
      if (nick !== undefined) left.add(nick);
      if (line.startsWith("* ")) continue;
      return assert(line === said, `${line.slice(0, 40)} came instead of ${said.slice(0, 40)}`);
    }
  };
  for (let round = 0; left.size < silent; round++) {
    const speaker = round % reading;
    await readers[speaker]!.send(`${round} ${LINE}`);
    await Promise.all(readers.map((reader) => hear(reader, `reader${speaker}: ${round} ${LINE}`)));
    const most = Math.max(...chats.map(({ stats }) => stats.queued));
    assert(most <= MAX_QUEUED + 64 * 1024, `${most} bytes wait`);
  }
  assertEquals([chats.length, server.connections], [reading + silent, reading]);
  assertEquals(errors.length, silent);
  for (const error of errors) assertInstanceOf(error, BackpressureError);
  for (const socket of deaf) socket.destroy();
  for (const reader of readers) reader.close();
  await server.shutdown({ grace: 0 });
  await hub.stop();
});

const start = (...args: string[]): Promise<ExampleServer> =>
  ExampleServer.start("chat_server", ...args);

test("the chat server lets members talk, over TCP and its page's WebSocket, shows what happens, and stops at Ctrl-C", async () => {
  await using server = await start("--web", "0", "--metrics", "0", "--trace");
  const [, web] = await server.line(/^web page on (http:\S+)$/);
  const [, metrics] = await server.line(/^metrics on (http:.*)$/);
  assertStringIncludes(await (await fetch(web!)).text(), "<title>Chat</title>");
  await using ada = await Talker.come(server.port, "ada");
  await using bob = await Talker.come(server.port, "bob");
  await using eve = Talker.over(fromWebSocket(new WebSocket(`${web!.replace("http", "ws")}chat`)));
  await eve.enter("eve");
  await ada.until(/^\* eve joins lobby$/);
  for (const speaker of [ada, eve]) {
    await speaker.say("hello, everybody");
    for (const each of [ada, bob, eve]) await each.until(new RegExp(`^${speaker.nick}: hello, e`));
  }
  await server.line(/^127\.0\.0\.1:\d+ {2}received {2}16 bytes {2}"hello, everybody"$/);
  await server.line(/^127\.0\.0\.1:\d+ {2}sent {2}22 bytes {2}"ada: hello, everybody\\n"$/);
  await bob.say("/quit tired");
  await ada.until(/^\* bob leaves lobby: tired$/);
  await bob.ended();
  const numbers = await (await fetch(metrics!)).text();
  for (
    const line of [
      ...["chat_members 2", "chat_rooms 1", "chat_bus_up 1", "chat_lines_said_total 2"],
      ...["connections_open 2", "connections_total 3", "received_frames_total 6"],
    ]
  ) assertStringIncludes(numbers, `\n${line}\n`);
  const { status, body } = await fetch(metrics!.replace("/metrics", "/other"));
  await body?.cancel();
  assertEquals(status, 404);
  const stopping = server.stop();
  for (const each of [ada, eve]) {
    await each.until(/^\* this server stops$/);
    await each.ended();
  }
  await stopping;
  const ends = server.lines.filter((line) => / {2}ends: /.test(line));
  assertEquals(ends.map((line) => line.split("  ").at(-1)), Array(3).fill("ends: in order"));
});

peerTest("nc", "nc is a client of the chat server", async () => {
  await using server = await start();
  await using ada = await Talker.come(server.port, "ada");
  const said = "bob\\r\\nhello\\n/msg ada psst\\n/quit";
  const heard = shellOutput(`printf '${said}' | nc -N 127.0.0.1 ${server.port}`);
  await ada.until(/^bob: hello$/);
  await ada.until(/^\(bob\) psst$/);
  await ada.until(/^\* bob leaves lobby: leaves$/);
  const lines = (await heard).trimEnd().split("\n");
  assertEquals(lines.slice(2, 4), ["* you are in lobby", "* in lobby there are 2: ada, bob"]);
  assertEquals(lines.filter((line) => !line.startsWith("*")), ["bob: hello", "(to ada) psst"]);
});

/** Registers a test of three server processes, joined by a NATS server, to which a cable leads. */
function natsTest(
  name: string,
  work: (servers: readonly ExampleServer[], cable: Cable, nats: NatsServer) => Promise<void>,
): void {
  peerTest("nats-server", name, async () => {
    await using nats = await NatsServer.start();
    using cable = await Cable.to(nats.port);
    const starting = [1, 2, 3].map(() => start("--nats", `nats://127.0.0.1:${cable.port}`));
    const servers: ExampleServer[] = [];
    try {
      for (const each of starting) servers.push(await each);
      await work(servers, cable, nats);
    } finally {
      await Promise.all(servers.map((server) => server[Symbol.asyncDispose]()));
    }
  });
}

natsTest("chat servers joined by NATS are one chat", async (servers, cable, nats) => {
  const [one, two, three] = servers;
  await using ada = await Talker.come(one!.port, "ada");
  await ada.ask("first", /^ada: first$/);
  await using bob = await Talker.come(two!.port, "bob");
  assertEquals(bob.heard, ["ada: first"]); // said where it was not, before it came
  await ada.until(/^\* bob joins lobby$/);
  await using eve = await Talker.come(three!.port, "eve");
  await bob.until(/^\* eve joins lobby$/);

  for (const speaker of [ada, bob, eve]) {
    for (let i = 0; i < 100; i++) await speaker.say(String(i));
  }
  for (const listener of [ada, bob, eve]) {
    const last = new Set(["ada", "bob", "eve"]);
    while (last.size > 0) last.delete((await listener.until(/: 99$/)).split(":")[0]!);
    for (const { nick } of [ada, bob, eve]) {
      const its = listener.heard.filter((line) => line.startsWith(`${nick}: `));
      if (nick === "ada") its.shift();
      assertEquals(its, Array.from({ length: 100 }, (_, i) => `${nick}: ${i}`));
    }
  }

  assertMatch(await eve.ask("/who", /^\* in lobby/), /^\* in lobby there are 3: eve, /);
  await eve.ask("/nick Ada", /^! Ada is taken$/);
  await eve.ask("/msg ada psst", /^\(to ada\) psst$/);
  await ada.until(/^\(eve\) psst$/);
  await eve.ask("/msg nobody psst", /^! there is no nobody here$/);
  await eve.ask("/nick Adele", /^\* eve is called Adele now$/);
  await bob.until(/^\* eve is called Adele now$/);
  await bob.ask("/join tee-stübchen", /^\* in tee-stübchen there are 1: bob$/);
  await eve.until(/^\* bob leaves lobby: goes to tee-stübchen$/);
  await eve.ask("/rooms", /^\* rooms: lobby \(2\), tee-stübchen \(1\)$/);
  await bob.ask("here", /^bob: here$/);
  await eve.ask("/join TEE-stübchen", /^\* in tee-stübchen there are 2: Adele, bob$/);
  assertEquals(eve.heard.at(-1), "bob: here");
  const before = bob.heard.length;
  await bob.ask("/join lobby", /^\* in lobby/);
  const past = bob.heard.slice(before);
  assertEquals(new Set(past).size, 50);
  for (const { nick } of [ada, bob, eve]) {
    const its = past.filter((line) => line.startsWith(`${nick}: `));
    assertEquals(its, Array.from(its, (_, i) => `${nick}: ${100 - its.length + i}`));
  }

  await ada.until(/^\* bob joins lobby$/);
  cable.cut();
  for (const each of [ada, bob]) await each.until(/^\* the other servers cannot be reached/);
  await ada.ask("lost", /^! not sent: /);
  await ada.ask("/join tea", /^! you cannot go there: /);
  await ada.ask("/msg bob x", /^! bob was not reached: /);
  await ada.ask("/who", /^\* in lobby there are 2: ada, bob$/);
  cable.mend(nats.port);
  for (const each of [ada, bob]) await each.until(/^\* the other servers can be reached again$/);
  await ada.ask("hello", /^ada: hello$/);
  await bob.until(/^ada: hello$/);
  await bob.ask("hi", /^bob: hi$/);
  await ada.until(/^bob: hi$/);
  assertEquals(bob.heard.slice(-2), ["ada: hello", "bob: hi"]);
  await ada.ask("/msg bob x", /^\(to bob\) x$/);
  assertMatch(await bob.ask("/who", /^\* in lobby/), /there are 2: bob, ada$/);
  assertEquals([ada, bob].flatMap(({ lines }) => lines.filter((line) => /gone/.test(line))), []);
});

natsTest("members of several chat servers miss nothing, also if one is killed", async (servers) => {
  const [one, two, three] = servers;
  const ports = servers.map(({ port }) => port).join();
  const load = command("node", "tests/programs/chat_load.ts", ports, String(MEMBERS), "2");
  await using members = new Program(load);
  await members.line(/ members have heard each of \d+ lines once, in order: /);
  await members[Symbol.asyncDispose]();

  await using ada = await Talker.come(one!.port, "ada");
  while (!(await ada.ask("/who", /^\* in lobby/)).endsWith(" 1: ada")); // the others are leaving
  await using bob = await Talker.come(two!.port, "bob");
  const eve = await Talker.come(three!.port, "eve");
  const joe = await Talker.come(three!.port, "joe");
  await ada.until(/^\* joe joins lobby$/);
  await bob.until(/^\* joe joins lobby$/);

  let said = 0;
  let isOver = false;
  const talking = (async () => {
    while (!isOver) await ada.ask(String(said++), /^ada: /);
  })();
  await three![Symbol.asyncDispose]();
  for (const lost of [eve, joe]) {
    await lost.ended();
  }
  await using again = await Talker.come(one!.port, "eve");
  await using elsewhere = await Talker.come(two!.port, "joe");
  const since = [again, elsewhere].map(({ lines }) => lines.length);
  const from = said;
  while (said < from + 100) await bob.until(/^ada: /);
  isOver = true;
  await talking;
  await ada.ask("the end", /^ada: the end$/);
  for (const [i, back] of [again, elsewhere].entries()) {
    await back.until(/^ada: the end$/);
    const heard = back.lines.slice(since[i]).filter((line) => /^ada: \d/.test(line));
    const first = Number(heard[0]!.split(" ")[1]);
    assert(first <= from, `${first} was the first after ${from}`);
    assertEquals(heard, Array.from({ length: said - first }, (_, i) => `ada: ${first + i}`));
    // What was said before they came back they have read as well, each line once.
    const all = back.heard.filter((line) => /^ada: \d/.test(line));
    assertEquals(all, all.map((_, i) => `ada: ${said - all.length + i}`));
  }
  await bob.until(/^ada: the end$/);
  const all = Array.from({ length: said }, (_, i) => `ada: ${i}`);
  assertEquals(bob.heard.filter((line) => line.startsWith("ada: ")), [...all, "ada: the end"]);
  for (const listener of [ada, bob]) {
    for (const nick of ["eve", "joe"]) {
      const changes = listener.lines.filter((line) => line.startsWith(`* ${nick} `));
      assertEquals(changes.slice(-2), [
        `* ${nick} leaves lobby: its server is gone`,
        `* ${nick} joins lobby`,
      ]);
    }
  }
  assertMatch(await ada.ask("/who", /^\* in lobby/), /^\* in lobby there are 4: /);
});
