import { Counter, Gauge, type Registry } from "prom-client";
import { BackpressureError, type Chat, type ChatStats, type Frame } from "../../mod.ts";

/** What is counted of each chat, and of all together: those that have ended, too. */
type Total = "bytesIn" | "bytesOut" | "framesIn";

/**
 * Counts what passes through chats. A chat counts for itself (`chat.stats`): it is asked when somebody wants to know, and once
 * more when it has ended.
 */
export class Traffic {
  readonly #open: Set<Chat<Frame>> = new Set();
  readonly #ended: Record<Total, number> = { bytesIn: 0, bytesOut: 0, framesIn: 0 };
  readonly #connections: Counter;
  readonly #framesOut: Counter;
  readonly #slowReaders: Counter;

  constructor(registry: Registry) {
    const registers = [registry];
    const total = (name: string, help: string, count: () => number): Counter =>
      new Counter({
        name,
        help,
        registers,
        collect() {
          this.reset();
          this.inc(count());
        },
      });
    const gauge = (name: string, help: string, measure: () => number): Gauge =>
      new Gauge({
        name,
        help,
        registers,
        collect() {
          this.set(measure());
        },
      });
    gauge("connections_open", "Connections that are open.", () => this.#open.size);
    gauge("queued_bytes", "Bytes that wait for peers to read them.", () => this.#sum("queued"));
    total("received_bytes_total", "Bytes received.", () => this.#total("bytesIn"));
    total("sent_bytes_total", "Bytes the system has taken.", () => this.#total("bytesOut"));
    total("received_frames_total", "Frames received.", () => this.#total("framesIn"));
    this.#framesOut = new Counter({ name: "sent_frames_total", help: "Frames pushed.", registers });
    this.#connections = new Counter({
      name: "connections_total",
      help: "Connections accepted.",
      registers,
    });
    this.#slowReaders = new Counter({
      name: "slow_readers_cut_total",
      help: "Connections closed because their peer did not read.",
      registers,
    });
  }

  /** Counts a chat from now on. */
  add(chat: Chat<Frame>): void {
    this.#connections.inc();
    this.#open.add(chat);
    void chat.closed.then((error) => {
      this.#open.delete(chat);
      for (const name of Object.keys(this.#ended) as Total[]) {
        this.#ended[name] += chat.stats[name];
      }
      if (error instanceof BackpressureError) this.#slowReaders.inc();
    });
  }

  /** Counts a frame that was pushed: to a chat that is bytes. */
  countSent(): void {
    this.#framesOut.inc();
  }

  #total(name: Total): number {
    return this.#ended[name] + this.#sum(name);
  }

  #sum(name: keyof ChatStats): number {
    let sum = 0;
    for (const { stats } of this.#open) sum += stats[name];
    return sum;
  }
}
