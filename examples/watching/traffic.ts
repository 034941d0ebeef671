import type { Counter, Registry } from "prom-client";
import { BackpressureError, type Chat, type Frame } from "../../mod.ts";
import { addCounter, addGauge, addTotal } from "./numbers.ts";

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
    const gauge = (name: string, help: string, measure: () => number): void =>
      addGauge(registry, name, help, measure);
    const total = (name: string, help: string, count: () => number): void =>
      addTotal(registry, name, help, count);
    const counter = (name: string, help: string): Counter => addCounter(registry, name, help);
    gauge("connections_open", "Connections that are open.", () => this.#open.size);
    gauge("queued_bytes", "Bytes that wait for peers to read them.", () => this.#sum("queued"));
    total("received_bytes_total", "Bytes received.", () => this.#total("bytesIn"));
    total("sent_bytes_total", "Bytes the system has taken.", () => this.#total("bytesOut"));
    total("received_frames_total", "Frames received.", () => this.#total("framesIn"));
    this.#framesOut = counter("sent_frames_total", "Frames pushed.");
    this.#connections = counter("connections_total", "Connections accepted.");
    this.#slowReaders = counter(
      "slow_readers_cut_total",
      "Connections closed because their peer did not read.",
    );
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

  #sum(name: keyof Chat["stats"]): number {
    let sum = 0;
    for (const { stats } of this.#open) sum += stats[name];
    return sum;
  }
}
