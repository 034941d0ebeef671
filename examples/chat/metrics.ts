import { Counter, Gauge, type Registry } from "prom-client";
import type { Hub } from "./hub.ts";

/** Shows the numbers of a chat, beside those of its connections. */
export function registerMetrics(registry: Registry, hub: Hub): void {
  const registers = [registry];
  const gauge = (name: string, help: string, measure: () => number): void => {
    new Gauge({
      name,
      help,
      registers,
      collect() {
        this.set(measure());
      },
    });
  };
  gauge("chat_members", "Members of this server that have a name.", () => hub.members);
  gauge("chat_rooms", "Rooms that they are in.", () => hub.rooms);
  gauge("chat_bus_up", "1 if the other servers can be reached.", () => hub.isUp ? 1 : 0);
  new Counter({
    name: "chat_lines_said_total",
    help: "Lines that members of this server have said to a room.",
    registers,
    collect() {
      this.reset();
      this.inc(hub.said);
    },
  });
}
