/** Talks to a process of its own, and must end by itself, in less than the time that the process would have had. */
import { spawn } from "node:child_process";
import { Chat } from "../../mod.ts";
import { fromProcess } from "../../src/process/mod.ts";

const cat = spawn("cat", { stdio: ["pipe", "pipe", "inherit"] });
const options = { terminator: "\n", encoding: "utf-8" } as const;
const chat = new Chat(fromProcess(cat, { grace: 1_000_000 }), options);
await chat.send("hello");
console.log(await chat.read());
chat.close();
await chat.closed;
console.log(`exit code ${cat.exitCode ?? cat.signalCode}`);
