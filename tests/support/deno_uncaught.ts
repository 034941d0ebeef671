/**
 * Deno runs `node:test` tests, but lets an exception that nobody catches, thrown between them or beside them, pass.
 * Preloaded there, this ends the run with it, as Node and Bun do.
 */
import process from "node:process";

process.on("uncaughtException", (error) => {
  console.error("uncaught exception:", error);
  process.kill(process.pid, "SIGKILL");
});
