import { BusError, type Subscription } from "./bus.ts";
import {
  decode,
  encode,
  fieldsOf,
  isSaid,
  type RoomEvent,
  type Said,
  toRoomEvent,
} from "./event.ts";
import { notice } from "./line.ts";
import type { Member } from "./member.ts";
import { isName, keyOf } from "./name.ts";
import type { Peers } from "./peers.ts";
import { type Entry, Presence } from "./presence.ts";
import { Refusal } from "./refusal.ts";
import { Room } from "./room.ts";
import { roomSubject } from "./subjects.ts";
import { isWords, quote } from "./words.ts";

export interface HubOptions {
  /** How often this server tells the others that it is there, in milliseconds. */
  readonly beat?: number;
}

/** How long a line may take to come back, in milliseconds. */
const LONGEST_WAY = 10_000;

/** How many rooms are remembered that nobody is in. */
const MOST_EMPTY = 100;

const DOWN = "the other servers cannot be reached just now";

/** A room that is listened to. */
interface OpenRoom {
  readonly room: Room;
  /** Resolves when whatever happens there is heard, and what was said before is known. */
  readonly ready: Promise<Subscription>;
  /** How many are in it, or on their way. */
  users: number;
}

/**
 * The members of one server, and the rooms that they are in: what happens there goes over the bus, and reaches them, and those of
 * other servers, when it comes back.
 *
 * ```text
 *   member ──▶ hub ──▶ bus: the room's subject ──┬──▶ hub ──▶ room ──▶ its members here
 *                                                └──▶ hub of another server ──▶ ...
 * ```
 *
 * So there is one order for all that one server's members say, and nobody hears a line of which its speaker is told that it was not
 * sent, or the other way round.
 */
export class Hub {
  readonly #peers: Peers;
  readonly #presence: Presence;
  readonly #members: Set<Member> = new Set();
  readonly #open: Map<string, OpenRoom> = new Map();
  /** Rooms that nobody is in, the one that was left last at the end. */
  readonly #empty: Map<string, Room> = new Map();
  /** Lines that have not come back yet, by their numbers. */
  readonly #underWay: Map<number, (error?: Error) => void> = new Map();
  #lastNumber = 0;
  #lastTime = 0;
  /** How many lines were said here. */
  said = 0;

  constructor(peers: Peers, options: HubOptions = {}) {
    this.#peers = peers;
    this.#presence = new Presence(peers, {
      ...options,
      onTaken: (nick) => this.#onTaken(nick),
      onLost: (members) => this.#onLost(members),
    });
    peers.onAsked("lines", (room) => this.#lines(room));
    peers.onAsked("whisper", (question) => this.#onWhisper(question));
  }

  /** Resolves when members can come. */
  async start(): Promise<void> {
    this.#peers.bus.onChange = (isUp) => isUp ? void this.#onUp() : this.#onDown();
    await this.#peers.start();
    await this.#presence.start();
  }

  /** Leaves the other servers alone. */
  async stop(): Promise<void> {
    this.#peers.bus.onChange = () => {};
    await this.#presence.stop();
  }

  /** How many members this server has. */
  get members(): number {
    return this.#members.size;
  }

  /** How many rooms they are in. */
  get rooms(): number {
    return this.#open.size;
  }

  /** Whether the other servers can be reached. */
  get isUp(): boolean {
    return this.#peers.bus.isUp;
  }

  /** Sends all members of this server away. */
  dismiss(text: string): void {
    for (const member of this.#members) member.dismiss(text);
  }

  /**
   * Gives a member a name, or another one.
   * @throws {Refusal} If somebody has it.
   */
  async name(member: Member, nick: string): Promise<void> {
    const isOwn = keyOf(nick) === keyOf(member.nick);
    if (!isOwn && await this.#presence.isTaken(nick)) throw new Refusal(`${nick} is taken`);
    // Somebody may have come meanwhile.
    if (!isOwn && this.#presence.find(nick)) throw new Refusal(`${nick} is taken`);
    this.#rename(member, nick);
  }

  /**
   * Brings a member to a room. When it is there, nothing that is said there is missed.
   * @throws {Refusal} If the room cannot be listened to.
   */
  async join(member: Member, name: string): Promise<void> {
    if (member.room?.name === name) throw new Refusal(`you are in ${name} already`);
    const open = this.#enter(name);
    try {
      await open.ready;
    } catch (error) {
      this.#exit(open);
      throw error instanceof BusError ? new Refusal(`you cannot go there: ${DOWN}`) : error;
    }
    await this.#leaveRoom(member, `goes to ${name}`);
    open.room.admit(member);
    member.room = open.room;
    this.#tellPresence(member);
    await this.#publish(name, { type: "joins", nick: member.nick }).catch(ignoreBus);
  }

  /** A member is gone. */
  async leave(member: Member, why: string): Promise<void> {
    if (!this.#members.delete(member)) return;
    await this.#leaveRoom(member, why);
    this.#presence.delete(member.nick);
  }

  /**
   * Says something to a room. Resolves when it was heard here, and has reached the bus, and so the others.
   * @throws {Refusal} If that is not so, or not known.
   */
  async say(member: Member, words: string): Promise<void> {
    const { room, nick } = member;
    if (room === undefined) throw new Refusal("you are in no room: /join one");
    this.#checkUp();
    const number = ++this.#lastNumber;
    const { id } = this.#peers;
    const back = this.#comesBack(number);
    try {
      const said: Said = { type: "said", server: id, number, time: this.#now(), nick, words };
      await Promise.all([this.#publish(room.name, said), back]);
    } catch (error) {
      if (!(error instanceof BusError)) throw error;
      throw new Refusal(`nobody knows whether others have heard this: ${quote(words)}`);
    } finally {
      this.#underWay.delete(number);
    }
    this.said++;
  }

  /**
   * Says something to one member, wherever it is.
   * @throws {Refusal} If it does not get there.
   */
  async whisper(member: Member, to: string, words: string): Promise<void> {
    const found = this.#presence.find(to);
    if (found === undefined) throw new Refusal(`there is no ${to} here`);
    const question = { from: member.nick, to, words };
    if (found.server === this.#peers.id) {
      if (!this.#onWhisper(question)) throw new Refusal(`there is no ${to} here`);
      return;
    }
    let got: unknown;
    try {
      got = await this.#peers.ask(found.server, "whisper", question);
    } catch (error) {
      if (!(error instanceof BusError)) throw error;
      throw new Refusal(`${to} was not reached: ${error.message}`);
    }
    if (got !== true) throw new Refusal(`there is no ${to} here any more`);
  }

  /** The names of those who are in a room, on all servers. */
  who(room: string): string[] {
    const nicks: string[] = [];
    for (const entry of this.#presence.members()) if (entry.room === room) nicks.push(entry.nick);
    return nicks;
  }

  /** The rooms that somebody is in, on any server, and how many they are. */
  everyRoom(): Map<string, number> {
    const counts = new Map<string, number>();
    for (const { room } of this.#presence.members()) {
      if (room !== null) counts.set(room, (counts.get(room) ?? 0) + 1);
    }
    return counts;
  }

  #announce(text: string): void {
    for (const member of this.#members) member.tell(notice(text));
  }

  #checkUp(): void {
    if (!this.isUp) throw new Refusal(`not sent: ${DOWN}`);
  }

  #rename(member: Member, nick: string): void {
    const { nick: old, room } = member;
    if (old !== "") this.#presence.delete(old);
    member.nick = nick;
    member.since = this.#now();
    this.#members.add(member);
    this.#tellPresence(member);
    if (old === "" || room === undefined) return;
    this.#publish(room.name, { type: "renames", nick: old, to: nick }).catch(ignoreBus);
  }

  #tellPresence({ nick, since, room }: Member): void {
    this.#presence.set({ nick, since, room: room?.name ?? null });
  }

  /** Another server has given out a name of one of its own, and before. */
  #onTaken(taken: string): void {
    for (const member of this.#members) {
      if (keyOf(member.nick) !== keyOf(taken)) continue;
      const nick = this.#freeNick(taken);
      this.#rename(member, nick);
      member.tell(notice(`somebody else has been ${taken} for longer: you are ${nick} now`));
    }
  }

  #freeNick(taken: string): string {
    const stem = [...taken].slice(0, 14).join("");
    for (let i = 2;; i++) {
      const nick = `${stem}-${i}`;
      if (!this.#presence.find(nick)) return nick;
    }
  }

  /** Makes sure that a room is listened to, for one more. */
  #enter(name: string): OpenRoom {
    let open = this.#open.get(name);
    if (open === undefined) {
      const room = this.#empty.get(name) ?? new Room(name);
      this.#empty.delete(name);
      open = { room, ready: this.#listen(room), users: 0 };
      open.ready.catch(() => {}); // whoever enters is told
      this.#open.set(name, open);
    }
    open.users++;
    return open;
  }

  /** One less is there. A room that nobody is in is remembered, but not listened to. */
  #exit(open: OpenRoom): void {
    if (--open.users > 0) return;
    const { room, ready } = open;
    this.#open.delete(room.name);
    this.#empty.set(room.name, room);
    const [oldest] = this.#empty.keys();
    if (this.#empty.size > MOST_EMPTY) this.#empty.delete(oldest!);
    ready.then((subscription) => subscription.end(), () => {});
  }

  async #listen(room: Room): Promise<Subscription> {
    const { bus } = this.#peers;
    const subscription = await bus.listen(roomSubject(room.name), (data) => {
      const event = toRoomEvent(decode(data));
      if (event === undefined) return;
      room.hear(event);
      if (event.type === "said" && event.server === this.#peers.id) {
        this.#underWay.get(event.number)?.();
      }
    });
    await room.catchUp(() => this.#askForLines(room.name));
    return subscription;
  }

  /** What the other servers remember. One that does not answer is gone, or has nothing to say. */
  async #askForLines(room: string): Promise<Said[]> {
    const { id } = this.#peers;
    const answers = await Promise.allSettled(
      this.#presence.servers.filter((each) => each !== id).map((server) =>
        this.#peers.ask(server, "lines", room)
      ),
    );
    return answers.flatMap((answer) =>
      answer.status === "fulfilled" && Array.isArray(answer.value) ? answer.value : []
    ).filter(isSaid);
  }

  #lines(room: unknown): readonly Said[] {
    if (!isName(room)) return [];
    return (this.#open.get(room)?.room ?? this.#empty.get(room))?.lines ?? [];
  }

  #onWhisper(question: unknown): boolean {
    const { from, to, words } = fieldsOf(question);
    if (!isName(from) || !isName(to) || !isWords(words)) return false;
    for (const member of this.#members) {
      if (keyOf(member.nick) !== keyOf(to)) continue;
      member.tell(`(${from}) ${words}\n`);
      return true;
    }
    return false;
  }

  async #leaveRoom(member: Member, why: string): Promise<void> {
    const { room } = member;
    if (room === undefined) return;
    member.room = undefined;
    room.members.delete(member);
    this.#exit(this.#open.get(room.name)!);
    await this.#publish(room.name, { type: "leaves", nick: member.nick, why }).catch(ignoreBus);
  }

  /** The rooms' subscriptions are there again by themselves; what was said meanwhile is asked for. */
  async #onUp(): Promise<void> {
    await this.#presence.catchUp();
    await Promise.all(
      Array.from(
        this.#open.values(),
        ({ room }) => room.catchUp(() => this.#askForLines(room.name)),
      ),
    );
    if (this.isUp) this.#announce("the other servers can be reached again");
  }

  #onDown(): void {
    const error = new BusError(DOWN);
    for (const settle of this.#underWay.values()) settle(error);
    this.#announce(`${DOWN}: what you say is not sent`);
  }

  /** Members of a server that is gone, which cannot say so themselves. */
  #onLost(entries: readonly Entry[]): void {
    for (const { nick, room: name } of entries) {
      const room = name === null ? undefined : this.#open.get(name)?.room;
      room?.hear({ type: "leaves", nick, why: "its server is gone" });
    }
  }

  #publish(room: string, event: RoomEvent): Promise<void> {
    return this.#peers.bus.publish(roomSubject(room), encode(event));
  }

  #comesBack(number: number): Promise<void> {
    const back = new Promise<void>((resolve, reject) => {
      const timer = setTimeout(() => settle(new BusError("it has not come back")), LONGEST_WAY);
      const settle = (error?: Error): void => {
        clearTimeout(timer);
        if (error) reject(error);
        else resolve();
      };
      this.#underWay.set(number, settle);
    });
    back.catch(() => {}); // publishing may fail first
    return back;
  }

  /** A time that is never before the last one. */
  #now(): number {
    return this.#lastTime = Math.max(this.#lastTime, Date.now());
  }
}

/** Those who are left behind hear of it otherwise: presence tells. */
function ignoreBus(error: unknown): void {
  if (!(error instanceof BusError)) throw error;
}
