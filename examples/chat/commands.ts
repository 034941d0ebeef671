import type { Hub } from "./hub.ts";
import { notice, refusal } from "./line.ts";
import type { Member } from "./member.ts";
import { toName, toRoom } from "./name.ts";
import { Refusal } from "./refusal.ts";
import { quote, toWords } from "./words.ts";

/** Who gives a command, and where. */
export interface Speaker {
  readonly hub: Hub;
  readonly member: Member;
  /** Set by `/quit`: what the others are told. */
  farewell: string | undefined;
}

interface Command {
  /** What comes behind its name: `ROOM`. */
  readonly takes: string;
  readonly about: string;
  run(speaker: Speaker, words: string): void | Promise<void>;
}

/** Where everybody is first. */
export const FIRST_ROOM = "lobby";

/** How many names one answer has. */
const MOST_SHOWN = 200;

const commands: Map<string, Command> = new Map();

/** Makes a command known by its name. */
function register(name: string, takes: string, about: string, run: Command["run"]): void {
  commands.set(name, { takes, about, run });
}

/** Does what a line says: a command, or something to say. Who has no name yet says its name. */
export async function obey(speaker: Speaker, line: string): Promise<void> {
  try {
    if (line.startsWith("/") && !line.startsWith("//")) return await runCommand(speaker, line);
    if (line.trim() === "") return;
    if (speaker.member.nick === "") return await giveName(speaker, line.trim());
    await speaker.hub.say(speaker.member, toWords(line.replace(/^\/\//, "/")));
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    speaker.member.tell(refusal(error.message));
  }
}

async function runCommand(speaker: Speaker, line: string): Promise<void> {
  const [name = ""] = line.split(/\s/, 1);
  const words = line.slice(name.length).trim();
  const command = commands.get(name.toLowerCase());
  if (command === undefined) {
    const known = [...commands.keys()].join(" ");
    throw new Refusal(`there is no ${quote(name.slice(0, 40))}, but there are ${known}`);
  }
  const { takes, run } = command;
  if (takes === "" || takes.startsWith("[") || words !== "") return await run(speaker, words);
  throw new Refusal(`expected ${name} ${takes}`);
}

/** The first name is followed by the first room. */
async function giveName({ hub, member }: Speaker, text: string): Promise<void> {
  const isFirst = member.nick === "";
  await hub.name(member, toName("a name", text));
  if (!isFirst) return;
  member.tell(notice(`welcome, ${member.nick}: /help tells what you can do`));
  await goTo({ hub, member }, FIRST_ROOM);
}

async function goTo({ hub, member }: Pick<Speaker, "hub" | "member">, room: string): Promise<void> {
  await hub.join(member, room);
  member.tell(notice(describeRoom(hub, room)));
}

function describeRoom(hub: Hub, room: string): string {
  const nicks = hub.who(room);
  const more = nicks.length - MOST_SHOWN;
  const names = nicks.slice(0, MOST_SHOWN).join(", ");
  if (nicks.length === 0) return `in ${room} there is nobody`;
  return `in ${room} there are ${nicks.length}: ${names}${more > 0 ? `, and ${more} more` : ""}`;
}

function checkNamed({ member }: Speaker): void {
  if (member.nick === "") throw new Refusal("say your name first");
}

register("/join", "ROOM", "goes to another room", async (speaker, words) => {
  checkNamed(speaker);
  await goTo(speaker, toRoom(words));
});
register("/nick", "NAME", "gives you another name", async (speaker, words) => {
  await giveName(speaker, words);
});
register("/who", "[ROOM]", "tells who is in your room, or another", ({ hub, member }, words) => {
  const room = words === "" ? member.room?.name : toRoom(words);
  if (room === undefined) throw new Refusal("you are in no room: /join one");
  member.tell(notice(describeRoom(hub, room)));
});
register("/rooms", "", "tells where somebody is", ({ hub, member }) => {
  const rooms = Array.from(hub.everyRoom(), ([room, count]) => `${room} (${count})`);
  const more = rooms.length - MOST_SHOWN;
  const names = rooms.slice(0, MOST_SHOWN).join(", ");
  member.tell(notice(`rooms: ${names}${more > 0 ? `, and ${more} more` : ""}`));
});
register("/msg", "NAME WORDS", "says something to one alone", async (speaker, words) => {
  checkNamed(speaker);
  const [, to, what] = words.match(/^(\S+)\s+(.+)$/s) ?? [];
  if (to === undefined || what === undefined) throw new Refusal("expected /msg NAME WORDS");
  const nick = toName("a name", to);
  await speaker.hub.whisper(speaker.member, nick, toWords(what));
  speaker.member.tell(`(to ${nick}) ${toWords(what)}\n`);
});
register("/help", "", "tells this", ({ member }) => {
  for (const [name, { takes, about }] of commands) {
    member.tell(notice(`${`${name} ${takes}`.padEnd(16)} ${about}`));
  }
});
register("/quit", "[WORDS]", "leaves, with these words", (speaker, words) => {
  speaker.farewell = toWords(words) || "leaves";
});
