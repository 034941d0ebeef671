/** Shows a chat with `console.log()`, by itself and in an object. */
import { Chat, memoryPair } from "../../mod.ts";

const chat = new Chat(memoryPair()[0], { terminator: "\n" });
console.log(chat);
console.log("a chat:", { chat });
chat.close();
