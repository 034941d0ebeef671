/**
 * Who is here, on whichever server. Each server tells the others of each change, with a number, and again and again which number it
 * is at; who has missed one asks for all.
 *
 * ```text
 *               a number that is not the next
 *   known ──────────────────────────────────────▶ asked for all its members ──▶ known
 *     │ silent for three beats                        ▲
 *     └─────────────▶ asked: does it answer? ── yes ──┘
 *                                            └─ no: lost, and its members with it; the others are told
 * ```
 *
 * Names are given out where a member is, without asking all the others. If two servers give out one at the same time, both see that
 * when they hear of each other, and both find that the earlier claim counts; if they are of the same millisecond, that of the server
 * whose id comes first. The other one renames its member.
 */
import { NobodyError, type Subscription } from "./bus.ts";
import { decode, encode, fieldsOf, isTime } from "./event.ts";
import { isName, keyOf } from "./name.ts";
import type { Peers } from "./peers.ts";
import { PRESENCE, SERVERS } from "./subjects.ts";

/** A member, as other servers know it. */
export interface Entry {
  readonly nick: string;
  /** `null` for who is in none. */
  readonly room: string | null;
  /** Since when it has its name, in milliseconds: an earlier claim counts. */
  readonly since: number;
}

export interface PresenceOptions {
  /** How often this server tells that it is there, in milliseconds. Default: 1 s. */
  readonly beat?: number;
  /** A name of this server's is somebody else's, who had it before. */
  readonly onTaken: (nick: string) => void;
  /** A server is gone, and these with it. */
  readonly onLost: (members: readonly Entry[]) => void;
}

interface Other {
  /** The number of its last change, if its members are known. */
  version: number | undefined;
  members: Map<string, Entry>;
  /** When it was last heard, by `performance.now()`. */
  heard: number;
  /** It is being asked for all its members: whether it answers. */
  asking: Promise<boolean> | undefined;
}

/** After so many beats without a word a server is asked whether it is there. */
const SILENT_BEATS = 3;
/** How many beats the others have to come back when the bus does. */
const BEATS_TO_RETURN = 10;

export class Presence {
  readonly #peers: Peers;
  readonly #options: Required<PresenceOptions>;
  readonly #own: Map<string, Entry> = new Map();
  readonly #others: Map<string, Other> = new Map();
  #version = 0;
  #timer: ReturnType<typeof setInterval> | undefined;
  readonly #subscriptions: Subscription[] = [];

  constructor(peers: Peers, options: PresenceOptions) {
    this.#peers = peers;
    this.#options = { beat: 1_000, ...options };
    peers.onAsked("members", () => ({ version: this.#version, members: [...this.#own.values()] }));
    peers.onAsked("holds", (nick) => isName(nick) && this.#own.has(keyOf(nick)));
  }

  /** Resolves when this server knows the others, and they can know it. */
  async start(): Promise<void> {
    const { bus, id } = this.#peers;
    this.#subscriptions.push(await bus.listen(PRESENCE, (data) => this.#hear(decode(data))));
    // Not answered by this server itself: it does not answer yet.
    const known = await this.#askForServers();
    await Promise.all(known.filter((server) => server !== id).map((each) => this.#fetch(each)));
    const answer = (): Uint8Array => encode([id, ...this.#others.keys()]);
    this.#subscriptions.push(await bus.answer(SERVERS, answer));
    await this.#beat();
    this.#timer = setInterval(() => void this.#check(), this.#options.beat);
  }

  /** Says goodbye to the others. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    for (const subscription of this.#subscriptions) subscription.end();
    await this.#tell({ lost: this.#peers.id }).catch(() => {});
  }

  /** The bus is back: what was missed is asked for. Who is not back yet gets some time. */
  async catchUp(): Promise<void> {
    const { beat } = this.#options;
    for (const other of this.#others.values()) {
      other.heard = performance.now() + (BEATS_TO_RETURN - SILENT_BEATS) * beat;
    }
    await Promise.all([...this.#others.keys()].map((server) => this.#fetch(server)));
    await this.#beat().catch(() => {});
  }

  /** The other servers. */
  get servers(): string[] {
    return [...this.#others.keys()];
  }

  /** One of this server's members has come, has gone elsewhere, or is new to its name. */
  set(entry: Entry): void {
    this.#own.set(keyOf(entry.nick), entry);
    this.#change({ entry });
  }

  /** One of this server's members is gone. */
  delete(nick: string): void {
    if (this.#own.delete(keyOf(nick))) this.#change({ gone: nick });
  }

  /** Who has this name, and on which server. */
  find(nick: string): { readonly server: string; readonly entry: Entry } | undefined {
    const key = keyOf(nick);
    const own = this.#own.get(key);
    let found = own && { server: this.#peers.id, entry: own };
    for (const [server, { members }] of this.#others) {
      const entry = members.get(key);
      if (entry && (!found || precedes(entry, server, found.entry, found.server))) {
        found = { server, entry };
      }
    }
    return found;
  }

  /** Whether somebody has this name. If that is known of another server, it is asked: one that was killed is found out so. */
  async isTaken(nick: string): Promise<boolean> {
    for (let attempt = 1;; attempt++) {
      const found = this.find(nick);
      if (found === undefined) return false;
      const { server } = found;
      if (server === this.#peers.id) return true;
      try {
        if (await this.#peers.ask(server, "holds", nick) === true) return true;
        this.#others.get(server)?.members.delete(keyOf(nick)); // what tells us so is on its way
      } catch (error) {
        // Of one that was killed just now, the bus may not know it the first time.
        if (error instanceof NobodyError) this.#lose(server);
        else if (attempt === 2) return true; // better none than two
      }
    }
  }

  /** Everybody, wherever they are. */
  *members(): Generator<Entry> {
    yield* this.#own.values();
    for (const { members } of this.#others.values()) yield* members.values();
  }

  async #askForServers(): Promise<string[]> {
    try {
      const answer = decode(await this.#peers.bus.ask(SERVERS, encode(this.#peers.id)));
      return Array.isArray(answer) ? answer.filter((each) => typeof each === "string") : [];
    } catch (error) {
      if (error instanceof NobodyError) return [];
      throw error;
    }
  }

  #hear(message: unknown): void {
    const { server, version, entry, gone, lost } = fieldsOf(message);
    if (typeof server !== "string" || server === this.#peers.id) return;
    if (typeof lost === "string") return this.#hearLost(lost);
    const other = this.#others.get(server);
    if (other === undefined) {
      void this.#fetch(server);
      void this.#beat().catch(() => {}); // it may not know this one, either
      return;
    }
    other.heard = Math.max(other.heard, performance.now());
    if (other.version !== undefined && version === other.version) return;
    if (other.version === undefined || version !== other.version + 1) {
      return void this.#fetch(server);
    }
    other.version++;
    if (typeof gone === "string") other.members.delete(keyOf(gone));
    else if (isEntry(entry)) this.#add(server, other, entry);
  }

  /** Somebody has found a server gone. If it is this one, that was wrong. */
  #hearLost(server: string): void {
    if (server === this.#peers.id) void this.#beat().catch(() => {});
    else this.#drop(server);
  }

  #add(server: string, other: Other, entry: Entry): void {
    const key = keyOf(entry.nick);
    other.members.set(key, entry);
    const own = this.#own.get(key);
    if (own && precedes(entry, server, own, this.#peers.id)) this.#options.onTaken(own.nick);
  }

  /** Asks a server for all its members. Resolves with whether it answers. */
  #fetch(server: string): Promise<boolean> {
    const known = this.#others.get(server);
    if (known?.asking) return known.asking;
    const other: Other = known ??
      { version: undefined, members: new Map(), heard: performance.now(), asking: undefined };
    this.#others.set(server, other);
    other.version = undefined;
    other.asking = this.#fetchInto(server, other).then((answers) => {
      other.asking = undefined;
      if (!answers && !known) this.#others.delete(server); // it was gone before it was known
      return answers;
    });
    return other.asking;
  }

  async #fetchInto(server: string, other: Other): Promise<boolean> {
    let answer: unknown;
    try {
      answer = await this.#peers.ask(server, "members");
    } catch {
      return false; // it is asked again at its next word, and lost when it has none
    }
    const { version, members } = fieldsOf(answer);
    other.members = new Map();
    for (const entry of Array.isArray(members) ? members : []) {
      if (isEntry(entry)) this.#add(server, other, entry);
    }
    other.version = Number(version);
    other.heard = Math.max(other.heard, performance.now());
    return true;
  }

  /** Tells that this server is there, and looks after those that are silent. */
  async #check(): Promise<void> {
    const { bus } = this.#peers;
    if (!bus.isUp) return;
    await this.#beat().catch(() => {});
    const longAgo = performance.now() - SILENT_BEATS * this.#options.beat;
    for (const [server, { heard }] of this.#others) {
      if (heard < longAgo && !await this.#fetch(server) && bus.isUp) this.#lose(server);
    }
  }

  #lose(server: string): void {
    this.#drop(server);
    void this.#tell({ lost: server }).catch(() => {}); // or the others find out by themselves
  }

  #drop(server: string): void {
    const other = this.#others.get(server);
    if (other === undefined) return;
    this.#others.delete(server);
    this.#options.onLost([...other.members.values()]);
  }

  #change(change: object): void {
    this.#version++;
    // If it is not heard, the next beat has a number that tells so.
    void this.#tell({ version: this.#version, ...change }).catch(() => {});
  }

  #beat(): Promise<void> {
    return this.#tell({ version: this.#version });
  }

  async #tell(message: object): Promise<void> {
    await this.#peers.bus.publish(PRESENCE, encode({ server: this.#peers.id, ...message }));
  }
}

/** Whether one claim counts more than another. */
function precedes(one: Entry, server: string, other: Entry, otherServer: string): boolean {
  return one.since < other.since || (one.since === other.since && server < otherServer);
}

function isEntry(value: unknown): value is Entry {
  const { nick, room, since } = fieldsOf(value);
  return isName(nick) && (room === null || isName(room)) && isTime(since);
}
