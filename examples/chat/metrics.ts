import type { Registry } from "prom-client";
import { addGauge, addTotal } from "../watching/numbers.ts";
import type { Hub } from "./hub.ts";

/** Shows the numbers of a chat, beside those of its connections. */
export function registerMetrics(registry: Registry, hub: Hub): void {
  addGauge(
    registry,
    "chat_members",
    "Members of this server that have a name.",
    () => hub.members,
  );
  addGauge(registry, "chat_rooms", "Rooms that they are in.", () => hub.rooms);
  addGauge(
    registry,
    "chat_bus_up",
    "1 if the other servers can be reached.",
    () => hub.isUp ? 1 : 0,
  );
  addTotal(
    registry,
    "chat_lines_said_total",
    "Lines that members of this server have said to a room.",
    () => hub.said,
  );
}
