/** The chat server: a thousand members, of which some never read, and the program as a person runs it. */
import { test } from "node:test";
import {
  assert,
  assertEquals,
  assertMatch,
  assertStrictEquals,
  assertStringIncludes,
} from "@std/assert";
import { WebSocket } from "ws";
import { Hub } from "../../examples/chat/hub.ts";
import { LocalBus } from "../../examples/chat/local_bus.ts";
import { Peers } from "../../examples/chat/peers.ts";
import { CHAT, serveMember } from "../../examples/chat/session.ts";
import { Watch } from "../../examples/watching/watch.ts";
import { BackpressureError, type Chat, fromWebSocket, serve } from "../../mod.ts";
import { NatsServer } from "../support/nats_server.ts";
import { named, needs } from "../support/peers.ts";
import { command, CURRENT, permitted, Program, run } from "../support/programs.ts";
import { shellOutput } from "../support/shell.ts";
import { Talker } from "../support/talker.ts";

const MAX_QUEUED = 192 * 1024;
const LONGEST_LINE = 64 * 1024;

test("a chat room of 1,000 closes the 50 who never read, and the others hear everything in order", async () => {
  const hub = new Hub(new Peers(new LocalBus(), "one"));
  await hub.start();
  const watch = new Watch({ log: () => {} });
  const chats: Chat<string>[] = [];
  const errors: unknown[] = [];
  let mostQueued = 0;
  const server = await serve({
    port: 0,
    ...CHAT,
    maxFrameLength: LONGEST_LINE,
    maxQueuedBytes: MAX_QUEUED,
    onError: (error) => errors.push(error),
  }, (chat) => {
    chats.push(chat);
    return serveMember(chat, hub, watch);
  });
  const sample = setInterval(() => {
    mostQueued = chats.reduce((most, { stats }) => Math.max(most, stats.queued), mostQueued);
  }, 10);

  const members = [String(server.address.port), "1000", "50"];
  await using talk = new Program(command("node", "tests/programs/chat_members.ts", ...members));
  const [, readers, count] = await talk.line(/^(\d+) have read the same (\d+) lines$/);
  clearInterval(sample);
  assertEquals([chats.length, server.connections], [1_000, 950]);
  assertStrictEquals(Number(readers), 950);
  assert(Number(count) > 50);

  assertStrictEquals(errors.length, 50);
  for (const error of errors) assert(error instanceof BackpressureError, String(error));
  const reasons = await Promise.all(chats.slice(0, 50).map(({ closed }) => closed));
  assertEquals(new Set(reasons), new Set(errors));
  assert(mostQueued > 0 && mostQueued <= MAX_QUEUED + LONGEST_LINE, `${mostQueued} bytes waited`);

  await server.shutdown({ grace: 0 });
  assertEquals([errors.length, server.connections], [50, 0]);
  await hub.stop();
});

const PROGRAM = "examples/chat_server.ts";

/** Starts the program, on this runtime. */
function start(...args: string[]): Program {
  return new Program(command(CURRENT, PROGRAM, "--port", "0", ...args));
}

test("the chat server program lets its members talk, tells who comes and goes, and stops at Ctrl-C", async () => {
  await using program = start("--metrics", "0");
  const port = await program.listening();
  const [, metrics] = await program.line(/^metrics on (http:.*)$/);
  const come = (name: string): Promise<Talker> => Talker.come(port, name);
  await using ada = await come("ada");
  await using bob = await come("bob");
  await using eve = await come("eve");
  await ada.until(/^\* eve joins lobby$/);
  for (const speaker of [ada, bob]) {
    await speaker.say("hello, everybody");
    for (const each of [ada, bob, eve]) await each.until(new RegExp(`^${speaker.nick}: hello, e`));
  }
  await eve.say("/quit tired");
  await bob.until(/^\* eve leaves lobby: tired$/);
  await eve.ended();
  const numbers = await (await fetch(metrics!)).text();
  for (
    const line of [
      "chat_members 2",
      "chat_rooms 1",
      "chat_bus_up 1",
      "chat_lines_said_total 2",
      "connections_open 2",
      "connections_total 3",
      "received_frames_total 6",
      "slow_readers_cut_total 0",
    ]
  ) assertStringIncludes(numbers, `\n${line}\n`);
  const stopping = program.interrupt();
  for (const each of [ada, bob]) {
    await each.until(/^\* this server stops$/);
    await each.ended();
  }
  const { code, lines, stderr } = await stopping;
  assertEquals([code, lines.at(-1), stderr], [0, "stopped", ""]);
  const ends = lines.filter((line) => / {2}ends: /.test(line)).map((line) => line.split("  ")[1]);
  assertEquals(ends, Array(3).fill("ends: in order"));
});

test("the chat server program shows each line if it is to trace", async () => {
  await using program = start("--trace");
  await using ada = await Talker.come(await program.listening(), "ada");
  await ada.ask("hello", /^ada: hello$/);
  await program.line(/^127\.0\.0\.1:\d+ {2}received {2}5 bytes {2}"hello"$/);
  await program.line(/^127\.0\.0\.1:\d+ {2}sent {2}11 bytes {2}"ada: hello\\n"$/);
});

test("the chat server program says what is wrong with how it was started", async () => {
  const wrong: readonly (readonly [args: string[], code: number, message: RegExp])[] = [
    [["--bogus"], 2, /usage: chat_server/],
    [["--port", "x"], 2, /^--port must be a number, not "x"$/],
    [["--nats", "http://a"], 1, /^a server must be like nats:/],
    [["--nats", "nats://127.0.0.1:1"], 1, /^cannot connect to 127\.0\.0\.1:1: /],
  ];
  for (const [args, code, message] of wrong) {
    const output = await run(command(CURRENT, PROGRAM, ...args));
    assertMatch(output.stderr.trim(), message);
    assertStrictEquals(output.code, code);
  }
  const help = await run(command(CURRENT, PROGRAM, "--help"));
  assertEquals([help.code, help.lines[0]?.startsWith("usage: chat_server")], [0, true]);
});

const nc = needs("nc");
test(named("nc is a client of the chat server", nc), nc, async () => {
  await using program = start();
  const port = await program.listening();
  await using ada = await Talker.come(port, "ada");
  const heard = shellOutput(
    `printf 'bob\\r\\nhello\\n/msg ada psst\\n/quit' | nc -N 127.0.0.1 ${port}`,
  );
  await ada.until(/^bob: hello$/);
  await ada.until(/^\(bob\) psst$/);
  await ada.until(/^\* bob leaves lobby: leaves$/);
  const [name, welcome, place, room, ...rest] = (await heard).trimEnd().split("\n");
  assertEquals([name, place, room], [
    "* your name?",
    "* you are in lobby",
    "* in lobby there are 2: ada, bob",
  ]);
  assertMatch(welcome!, /^\* welcome, bob/);
  assertEquals(rest.filter((line) => !line.startsWith("*")), ["bob: hello", "(to ada) psst"]);
});

const nats = needs("nats-server", "PATH=$PATH:/usr/sbin command -v nats-server");

/** So many server processes, joined by a NATS server. */
async function withServers(
  count: number,
  work: (
    ports: readonly number[],
    programs: readonly Program[],
    server: NatsServer,
  ) => Promise<void>,
): Promise<void> {
  const server = await NatsServer.start();
  const programs: Program[] = [];
  try {
    for (let i = 0; i < count; i++) programs.push(start("--nats", server.url));
    const ports = await Promise.all(programs.map((program) => program.listening()));
    await work(ports, programs, server);
  } finally {
    await Promise.all(programs.map((program) => program[Symbol.asyncDispose]()));
    await server.kill();
  }
}

test(
  named("chat servers that are joined by NATS are one chat", nats),
  nats,
  () =>
    withServers(3, async (ports) => {
      await using ada = await Talker.come(ports[0]!, "ada");
      await ada.ask("first", /^ada: first$/);
      await using bob = await Talker.come(ports[1]!, "bob");
      assertEquals(bob.heard, ["ada: first"]); // said where it was not, before it came
      await ada.until(/^\* bob joins lobby$/);
      await using eve = await Talker.come(ports[2]!, "eve");
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
      assertStrictEquals(eve.heard.at(-1), "bob: here");
      const before = bob.heard.length;
      await bob.ask("/join lobby", /^\* in lobby/);
      const past = bob.heard.slice(before);
      assertStrictEquals(new Set(past).size, 50);
      for (const { nick } of [ada, bob, eve]) {
        const its = past.filter((line) => line.startsWith(`${nick}: `));
        assertEquals(its, Array.from(its, (_, i) => `${nick}: ${100 - its.length + i}`));
      }
    }),
);

test(
  named(
    "chat servers carry on when one is killed: its members come back elsewhere, and miss nothing",
    nats,
  ),
  nats,
  () =>
    withServers(3, async (ports, programs) => {
      await using ada = await Talker.come(ports[0]!, "ada");
      await using bob = await Talker.come(ports[1]!, "bob");
      const eve = await Talker.come(ports[2]!, "eve");
      const joe = await Talker.come(ports[2]!, "joe");
      await ada.until(/^\* joe joins lobby$/);
      await bob.until(/^\* joe joins lobby$/);

      let said = 0;
      let isOver = false;
      const talking = (async () => {
        while (!isOver) await ada.ask(String(said++), /^ada: /);
      })();
      await programs[2]![Symbol.asyncDispose]();
      for (const lost of [eve, joe]) {
        await lost.ended();
      }
      await using again = await Talker.come(ports[0]!, "eve");
      await using elsewhere = await Talker.come(ports[1]!, "joe");
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
      assertEquals(bob.heard, [...all, "ada: the end"]);
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
    }),
);

test(
  named(
    "a chat whose NATS server is gone tells its members so, sends nothing, and goes on when it is back",
    nats,
  ),
  nats,
  () =>
    withServers(2, async (ports, programs, server) => {
      await using ada = await Talker.come(ports[0]!, "ada");
      await using bob = await Talker.come(ports[1]!, "bob");
      await ada.until(/^\* bob joins lobby$/);
      await server.kill();
      for (const each of [ada, bob]) await each.until(/^\* the other servers cannot be reached/);
      await ada.ask("lost", /^! not sent: the other servers cannot be reached just now$/);
      await ada.ask("/join tea", /^! you cannot go there: the other servers cannot be reached/);
      await ada.ask("/msg bob x", /^! bob was not reached: /);
      await ada.ask("/who", /^\* in lobby there are 2: ada, bob$/);
      await using _back = await NatsServer.start([], {}, server.port);
      for (const each of [ada, bob]) {
        await each.until(/^\* the other servers can be reached again$/);
      }
      for (const program of programs) await program.line(/^NATS {2}connected again$/);
      await ada.ask("hello", /^ada: hello$/);
      await bob.until(/^ada: hello$/);
      await bob.ask("hi", /^bob: hi$/);
      await ada.until(/^bob: hi$/);
      assertEquals(bob.heard, ["ada: hello", "bob: hi"]);
      await ada.ask("/msg bob x", /^\(to bob\) x$/);
      assertMatch(await bob.ask("/who", /^\* in lobby/), /^\* in lobby there are 2: bob, ada$/);
      assertEquals(
        [ada, bob].flatMap(({ lines }) => lines.filter((line) => /gone/.test(line))),
        [],
      );
    }),
);

test(
  named(
    "1,000 members of three chat servers joined by NATS hear each line once, each speaker's in order",
    nats,
  ),
  nats,
  () =>
    withServers(3, async (ports) => {
      const load = command("node", "tests/programs/chat_load.ts", ports.join(), "1000", "2");
      await using talk = new Program(load);
      await talk.line(/^1000 members have heard each of 2000 lines once, in order: /);
    }),
);

test("the chat server program serves its page with the permissions that the README says", async () => {
  const permissions = ["--allow-read", "--allow-env", "--allow-run"];
  const args = ["--port", "0", "--web", "0"];
  await using program = new Program(permitted(permissions, CURRENT, PROGRAM, ...args));
  const [, url] = await program.line(/^web page on (http:\S+)$/);
  assertStringIncludes(await (await fetch(url!)).text(), "<title>Chat</title>");
  await using ada = Talker.over(fromWebSocket(new WebSocket(`${url!.replace("http", "ws")}chat`)));
  await ada.enter("ada");
  const stopping = program.interrupt();
  await ada.until(/^\* this server stops$/);
  await ada.ended();
  const { code, stderr } = await stopping;
  assertEquals([code, stderr], [0, ""]);
});
