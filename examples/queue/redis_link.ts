import { type Backoff, pause, waits } from "../backoff.ts";
import { UserError } from "../command_line.ts";
import { Deferred } from "../deferred.ts";
import { RedisClient, type RedisOptions } from "../redis/client.ts";

/** What a link has while it is connected. */
export interface Clients {
  /** For commands that are answered at once. */
  readonly commands: RedisClient;
  /** For those that wait for something to come. */
  readonly reader: RedisClient;
  /** What Redis calls the connection of the reader. */
  readonly readerId: number;
}

export interface LinkOptions {
  readonly redis: RedisOptions;
  /** Is done on each new connection, before anybody else uses it. */
  readonly prepare: (commands: RedisClient) => Promise<void>;
  /** Is told when Redis is away, and back. */
  readonly log: (line: string) => void;
  /** How long to wait before each attempt to connect again. */
  readonly backoff?: Backoff;
}

/** How long a command may block that waits for something to come, in milliseconds: less than a client's `timeout`. */
export const BLOCK = 2_000;

/**
 * Two connections to Redis, which are made anew when one of them breaks. What was under way is not done again: that is for those to
 * decide who have sent it.
 *
 *     connecting ──▶ prepare ──▶ connected ──▶ one of them ends: the other is closed ──┐
 *         ▲                                                                            │
 *         └─────────────────────── a pause, longer each time ◀─────────────────────────┘
 */
export class RedisLink {
  readonly #options: LinkOptions;
  readonly #closing: AbortController = new AbortController();
  #clients: Clients | undefined;
  #connected: Deferred<Clients | null> = new Deferred();
  #running: Promise<void> | undefined;

  private constructor(options: LinkOptions) {
    this.#options = options;
  }

  /** Connects. If that fails at the beginning, nothing is tried again. */
  static async open(options: LinkOptions): Promise<RedisLink> {
    const link = new RedisLink(options);
    link.#running = link.#run(await link.#connect());
    return link;
  }

  /**
   * The connection for commands.
   * @throws {UserError} If there is none now.
   */
  get commands(): RedisClient {
    if (this.#clients === undefined) throw new UserError("Redis is away");
    return this.#clients.commands;
  }

  /** Whether there are connections now, as far as is known. */
  get isConnected(): boolean {
    return this.#clients !== undefined;
  }

  /** Resolves when there are connections; with `null` when the link is closed. */
  connected(): Promise<Clients | null> {
    return this.#connected.promise;
  }

  /** These connections are of no use: others are made. */
  drop(clients: Clients, reason: Error): void {
    if (clients !== this.#clients) return;
    this.#clients = undefined;
    this.#connected = new Deferred();
    discard(clients, reason);
  }

  /** Closes when what was sent is answered. */
  async close(): Promise<void> {
    this.#closing.abort();
    const clients = this.#clients;
    if (clients !== undefined) {
      this.#clients = undefined;
      this.#connected = new Deferred();
      clients.reader.abort();
      await clients.commands.close();
    }
    this.#connected.resolve(null);
    await this.#running;
  }

  async #run(first: Clients): Promise<void> {
    const { log, backoff = BACKOFF } = this.#options;
    const { signal } = this.#closing;
    let pauses = waits(backoff);
    let clients = first;
    while (!signal.aborted) {
      const since = Date.now();
      this.#clients = clients;
      this.#connected.resolve(clients);
      const reason = await Promise.race([clients.commands.closed, clients.reader.closed]);
      if (signal.aborted) return;
      this.drop(clients, reason);
      log(`Redis is away: ${reason.message}`);
      if (Date.now() - since > backoff.longest) pauses = waits(backoff);
      const next = await this.#reconnect(pauses);
      if (next === null) return;
      log("Redis is back");
      clients = next;
    }
    discard(clients);
  }

  async #reconnect(pauses: Iterator<number>): Promise<Clients | null> {
    const { signal } = this.#closing;
    for (;;) {
      await pause(pauses.next().value, signal);
      if (signal.aborted) return null;
      const clients = await this.#connect().catch(() => null);
      if (clients !== null) return clients;
    }
  }

  async #connect(): Promise<Clients> {
    const { redis, prepare } = this.#options;
    const commands = await RedisClient.connect(redis);
    try {
      const reader = await RedisClient.connect(redis);
      try {
        const readerId = Number(await reader.call("CLIENT", "ID"));
        await prepare(commands);
        return { commands, reader, readerId };
      } catch (error) {
        reader.abort();
        throw error;
      }
    } catch (error) {
      commands.abort();
      throw error;
    }
  }
}

function discard({ commands, reader }: Clients, reason?: Error): void {
  commands.abort(reason);
  reader.abort(reason);
}

const BACKOFF: Backoff = { first: 100, longest: 5_000 };
