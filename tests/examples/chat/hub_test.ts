/** Several hubs on one bus: names, rooms and presence of one chat over several servers. */
import { test } from "node:test";
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { encode } from "../../../examples/chat/event.ts";
import { Hub } from "../../../examples/chat/hub.ts";
import { LocalBus } from "../../../examples/chat/local_bus.ts";
import { Peers } from "../../../examples/chat/peers.ts";
import { type Entry, Presence } from "../../../examples/chat/presence.ts";
import { CHAT, serveMember } from "../../../examples/chat/session.ts";
import { PRESENCE, roomSubject, serverSubject } from "../../../examples/chat/subjects.ts";
import { Watch } from "../../../examples/watching/watch.ts";
import { Chat, memoryPair } from "../../../mod.ts";
import { Deferred } from "../../../src/common/deferred.ts";
import { attack, handledBy } from "../../support/hostile_peers.ts";
import { Talker } from "../../support/talker.ts";

const watch = new Watch({ log: () => {} });

async function newHub(bus: LocalBus, id: string): Promise<Hub> {
  const hub = new Hub(new Peers(bus, id));
  await hub.start();
  return hub;
}

/** Somebody who is connected to a hub. */
function connectTo(hub: Hub): Talker {
  const [left, right] = memoryPair();
  const chat = new Chat<string>(left, CHAT);
  void serveMember(chat, hub, watch).then(() => chat.closeWhenDone()).catch(() => {});
  return Talker.over(right);
}

async function come(hub: Hub, nick: string): Promise<Talker> {
  const talker = connectTo(hub);
  await talker.enter(nick);
  return talker;
}

async function withHubs(
  count: number,
  work: (hubs: Hub[], bus: LocalBus) => Promise<void>,
): Promise<void> {
  const bus = new LocalBus();
  const hubs: Hub[] = [];
  for (let i = 0; i < count; i++) hubs.push(await newHub(bus, `hub${i}`));
  await work(hubs, bus);
  await Promise.all(hubs.map((hub) => hub.stop()));
}

test("a name is a letter and more, of any script, and is refused with a reason otherwise", () =>
  withHubs(1, async ([hub]) => {
    const talker = connectTo(hub!);
    const wrong: readonly (readonly [line: string, answer: RegExp])[] = [
      ["1ada", /^! a name is a letter, and then letters, digits, - and _, not "1ada"$/],
      ["* ada", /^! a name is a letter/],
      ["a b", /^! a name is a letter/],
      ["ada:", /^! a name is a letter/],
      ["a\u001b[1m", /^! a name is .*, not "a\\u001b\[1m"$/],
      ["a\u007f", /^! a name is .*, not "a\\u007F"$/],
      ["x".repeat(21), /^! a name has at most 20 characters, not 21$/],
      ["/join tea", /^! say your name first$/],
      ["/msg ada x", /^! say your name first$/],
      ["/nick", /^! expected \/nick NAME$/],
      ["/dance", /^! there is no "\/dance", but there are \/join /],
    ];
    for (const [line, answer] of wrong) await talker.ask(line, answer);
    await talker.enter("Zoë-ज़ोए_1");
    await talker.ask("/nick zo\u0065\u0308", /^\* Zoë-ज़ोए_1 is called zoë now$/);
    talker.chat.close();
  }));

test("each command is answered, also when it cannot be done", () =>
  withHubs(1, async ([hub]) => {
    const ada = await come(hub!, "ada");
    const conversation: readonly (readonly [line: string, answer: RegExp])[] = [
      ["hello", /^ada: hello$/],
      ["//who", /^ada: \/who$/],
      ["a\tb", /^ada: a b$/],
      ["\u0007", /^! a line must not contain control characters: U\+0007 is one$/],
      ["\u202Eevil", /^! a line must not contain control characters: U\+202E is one$/],
      ["x".repeat(1_025), /^! a line has at most 1024 bytes$/],
      ["/WHO", /^\* in lobby there are 1: ada$/],
      ["/who tea", /^\* in tea there is nobody$/],
      ["/who ?", /^! a room is a letter/],
      ["/join", /^! expected \/join ROOM$/],
      ["/join lobby", /^! you are in lobby already$/],
      ["/join Tea", /^\* in tea there are 1: ada$/],
      ["/rooms", /^\* rooms: tea \(1\)$/],
      ["/msg ada", /^! expected \/msg NAME WORDS$/],
      ["/msg bob hi", /^! there is no bob here$/],
      ["/msg ada hi", /^\(to ada\) hi$/],
      ["/nick ADA", /^\* ada is called ADA now$/],
      ["/help", /^\* \/quit \[WORDS\] /],
    ];
    for (const [line, answer] of conversation) await ada.ask(line, answer);
    assert(ada.lines.includes("(ada) hi"));
    const bob = await come(hub!, "bob");
    await bob.ask("/nick ada", /^! ada is taken$/);
    await ada.say("/quit");
    await ada.ended();
    await bob.ask("/nick ada", /^\* bob is called ada now$/);
    bob.chat.close();
  }));

test("who comes first has the name, also when two servers give it out at the same time", () =>
  withHubs(2, async ([one, two], bus) => {
    const ada = await come(one!, "ada");
    const late = await come(two!, "late");
    // As if a third server had given out both names, long ago, and had not been heard until now.
    const stranger = new Peers(bus, "stranger");
    const members: Entry[] = [
      { nick: "ADA", room: null, since: 1 },
      { nick: "late", room: null, since: Date.now() + 60_000 },
    ];
    stranger.onAsked("members", () => ({ version: 1, members }));
    stranger.onAsked("holds", () => true);
    await stranger.start();
    await bus.publish(PRESENCE, encode({ server: "stranger", version: 1 }));
    await ada.until(/^\* somebody else has been ada for longer: you are ada-2 now$/);
    await late.until(/^\* ada is called ada-2 now$/);
    assertMatch(await late.ask("/who", /^\* in lobby/), /ada-2/);
    assert(!late.lines.some((line) => line.startsWith("* somebody else")));
    for (const each of [ada, late]) each.chat.close();
  }));

test("Presence finds a silent server gone, and tells the others", async () => {
  const bus = new LocalBus();
  const lost = new Deferred<readonly Entry[]>();
  const newPresence = (
    id: string,
    onLost: (members: readonly Entry[]) => void,
  ): [Presence, Peers] => {
    const peers = new Peers(bus, id);
    return [new Presence(peers, { beat: 5, onTaken: () => {}, onLost }), peers];
  };
  const [watching, watcher] = newPresence("watching", lost.resolve);
  await watcher.start();
  await watching.start();
  const entry: Entry = { nick: "eve", room: "tea", since: 7 };
  const answering = await bus.answer(
    serverSubject("dead"),
    () => encode({ version: 3, members: [entry] }),
  );
  await bus.publish(PRESENCE, encode({ server: "dead", version: 3 }));
  assertEquals(watching.servers, ["dead"]);
  const told = new Deferred<unknown>();
  await bus.listen(PRESENCE, (data) => {
    const message = JSON.parse(new TextDecoder().decode(data));
    if (message.lost) told.resolve(message);
  });
  answering.end();
  assertEquals(await lost.promise, [entry]);
  assertEquals(await told.promise, { server: "watching", lost: "dead" });
  assertEquals([watching.servers, [...watching.members()]], [[], []]);
  await watching.stop();
});

test("what is on the bus and comes from no server of ours is passed over", () =>
  withHubs(1, async ([hub], bus) => {
    const ada = await come(hub!, "ada");
    const junk = [
      new Uint8Array([0xff, 0x00]),
      ...[
        null,
        [],
        "x",
        { type: "said" },
        { type: "said", server: "x", number: 1, time: NaN, nick: "a", words: "b" },
        { type: "said", server: "x", number: 1, time: 1e300, nick: "a", words: "b" },
        { type: "said", server: "x", number: 1, time: 1, nick: "* a", words: "b" },
        { type: "said", server: "x", number: 1, time: 1, nick: "a", words: "b\n! c" },
        { type: "joins", nick: "a\nb" },
        { type: "leaves", nick: "a", why: 7 },
        { type: "renames", nick: "a", to: "" },
        { server: 7, version: 1 },
        { server: "x", lost: 7 },
        { name: "lines", question: { a: 1 } },
      ].map(encode),
    ];
    for (const data of junk) {
      for (const subject of [roomSubject("lobby"), PRESENCE]) await bus.publish(subject, data);
      await bus.ask(serverSubject("hub0"), data).catch(() => {});
    }
    const before = ada.lines.length;
    await ada.ask("hello", /^ada: hello$/);
    assertEquals(ada.lines.slice(before).filter((line) => !line.startsWith("* ada joins")), [
      "ada: hello",
    ]);
    ada.chat.close();
  }));

test("the chat survives members that send nonsense, and says only lines that are its own", async () => {
  const hub = await newHub(new LocalBus(), "one");
  const decoder = new TextDecoder("utf-8", { fatal: true });
  await attack({
    serve: handledBy(
      (connection) => new Chat<string>(connection, CHAT),
      (chat) => serveMember(chat, hub, watch),
    ),
    samples: [
      "ada\nhello\n/who\n/join tea\nhi\n/nick bob\n/msg bob psst\n/rooms\n/quit bye\n",
      "eve\r\n/help\r\n//x\r\n/msg nobody x\r\n/join lobby\r\nüñí\r\n",
      `joe\n${"x".repeat(1_100)}\n/dance\n\n\n/who tea\n`,
    ],
    checkAnswer(answer) {
      const whole = decoder.decode(answer.subarray(0, answer.lastIndexOf(0x0a) + 1)); // it may be cut off
      // deno-lint-ignore no-control-regex -- this is what must not be there
      for (const line of whole.split("\n")) assert(!/[\x00-\x1f\x7f-\x9f]/.test(line), line);
    },
  });
  assertEquals(hub.members, 0);
  await hub.stop();
});

test("what cannot be said is refused, and not lost silently, when the bus is down", async () => {
  class DownBus extends LocalBus {
    override isUp = true;
    /** Whether what is published is lost on its way. */
    isLosing = false;

    override publish(subject: string, data: Uint8Array): Promise<void> {
      return this.isLosing ? Promise.resolve(lost.resolve()) : super.publish(subject, data);
    }
  }
  const lost = new Deferred();
  const bus = new DownBus();
  const hub = await newHub(bus, "one");
  const ada = await come(hub, "ada");
  bus.isLosing = true;
  await ada.say("hello?");
  await lost.promise;
  bus.isUp = false;
  bus.onChange(false);
  await ada.until(/^\* the other servers cannot be reached just now: what you say is not sent$/);
  await ada.until(/^! nobody knows whether others have heard this: "hello\?"$/);
  await ada.ask("hello", /^! not sent: /);
  bus.isUp = true;
  bus.isLosing = false;
  bus.onChange(true);
  await ada.until(/^\* the other servers can be reached again$/);
  await ada.ask("hello", /^ada: hello$/);
  ada.chat.close();
  await hub.stop();
  await assertRejects(() => bus.ask("nobody", encode(1)), Error, "nobody answers");
});
