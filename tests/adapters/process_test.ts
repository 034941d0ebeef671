/** `fromProcess()`, for each kind of child process that the runtime has. */
import { test } from "node:test";
import { fromProcess } from "../../mod.ts";
import { checkConnection } from "../support/connection_checks.ts";
import { processPair } from "../support/process_pair.ts";
import { command } from "../support/programs.ts";
import { SPAWNS } from "../support/spawn.ts";

for (const [name, spawn] of Object.entries(SPAWNS)) {
  checkConnection(
    `fromProcess() of ${name}`,
    () => processPair((port) => spawn(...command("node", "tests/programs/pipe_bridge.ts", port))),
  );
}
