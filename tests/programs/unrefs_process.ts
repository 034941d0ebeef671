/** Waits for what a process prints, which prints nothing, and must end by itself: the connection is unref'd. */
import { spawn } from "node:child_process";
import { fromProcess } from "../../src/process/mod.ts";

const connection = fromProcess(spawn("cat", { stdio: ["pipe", "pipe", "inherit"] }));
connection.unref!();
void connection.read().then(() => console.log("read"));
console.log("ready");
