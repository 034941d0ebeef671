import { test } from "node:test";
import { checkConversations, checkConversationsOver } from "./support/conversation_property.ts";
import { tcpPair } from "./support/tcp_pair.ts";

test("Chat keeps its promises whatever is done with both ends, in whatever order", async () => {
  await checkConversations(1_000);
});

test("Chat keeps its promises over TCP whatever is done with both ends, in whatever order", async () => {
  await checkConversationsOver(tcpPair, 150);
});
