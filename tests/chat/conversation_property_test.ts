import { test } from "node:test";
import { checkConversations, checkConversationsOver } from "../support/conversation_property.ts";
import { tcpPair } from "../support/tcp_pair.ts";

/** The scripts are the same in each run, so that a failure is the change's: `npm run fuzz` and `npm run soak` play others. */
const SEED = 2026;

test("Chat keeps its promises whatever is done with both ends, in whatever order", async () => {
  await checkConversations(1_000, { seed: SEED });
});

test("Chat keeps its promises over TCP whatever is done with both ends, in whatever order", async () => {
  await checkConversationsOver(tcpPair, 150, { seed: SEED });
});
