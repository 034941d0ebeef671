import type { RoomEvent, Said } from "./event.ts";
import { notice, showEvent, showPast } from "./line.ts";
import type { Member } from "./member.ts";
import { RoomLog } from "./room_log.ts";

/**
 * For how long it is gathered who comes and goes, unless somebody speaks, in milliseconds: when a thousand come together, and each of
 * them is told of each, it is the number of writes that counts.
 */
const GATHERED = 100;

const encoder = new TextEncoder();

/** A room, with those of its members who are connected to this server, and what it remembers. */
export class Room {
  readonly name: string;
  readonly members: Set<Member> = new Set();
  readonly #log: RoomLog = new RoomLog();
  #catchingUp: Promise<void> = Promise.resolve();
  /** What happens while others are asked for what they remember: it comes after that. */
  #held: RoomEvent[] | undefined;

  /** Who has come and gone, and was not told yet. */
  #changes = "";
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(name: string) {
    this.name = name;
  }

  /** The last lines. */
  get lines(): readonly Said[] {
    return this.#log.lines;
  }

  /** Something has happened here. */
  hear(event: RoomEvent): void {
    if (this.#held) this.#held.push(event);
    else this.#show(event);
  }

  /** Fetches what was said while this server did not listen, before anything that happens meanwhile. */
  catchUp(askOthers: () => Promise<readonly Said[]>): Promise<void> {
    return this.#catchingUp = this.#catchingUp.then(() => this.#catchUp(askOthers));
  }

  /** Somebody comes, and reads what was said before. From then on it hears everything. */
  admit(member: Member): void {
    member.tell(notice(`you are in ${this.name}`));
    for (const line of this.lines) member.tell(showPast(line));
    this.members.add(member);
  }

  async #catchUp(askOthers: () => Promise<readonly Said[]>): Promise<void> {
    const held: RoomEvent[] = this.#held = [];
    const others = await askOthers();
    const said = held.filter((event) => event.type === "said");
    for (const line of this.#log.merge([...others, ...said])) this.#tell(showPast(line));
    this.#held = undefined;
    for (const event of held) this.#show(event);
  }

  #show(event: RoomEvent): void {
    if (event.type === "said") {
      if (!this.#log.add(event)) return;
      this.#tellChanges();
      this.#tell(showEvent(event, this.name));
    } else {
      this.#changes += showEvent(event, this.name);
      this.#timer ??= setTimeout(() => this.#tellChanges(), GATHERED);
    }
  }

  #tellChanges(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#changes !== "") this.#tell(this.#changes);
    this.#changes = "";
  }

  /** Tells everybody. Encoded once: a large array is sent without being copied. */
  #tell(lines: string): void {
    const data = encoder.encode(lines);
    for (const member of this.members) member.tell(data);
  }
}
