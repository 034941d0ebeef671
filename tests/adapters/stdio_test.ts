/** `fromStdio()`, in programs of their own. */
import { test } from "node:test";
import { checkConnection } from "../support/connection_checks.ts";
import { processPair } from "../support/process_pair.ts";
import { command, CURRENT } from "../support/programs.ts";
import { spawnNode } from "../support/spawn.ts";

checkConnection(
  "fromStdio()",
  () =>
    processPair((port) => spawnNode(...command(CURRENT, "tests/programs/stdio_bridge.ts", port))),
);
