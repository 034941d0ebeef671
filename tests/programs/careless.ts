/** Awaits no promise that may be left alone, whatever fails behind it. Must end by itself, with nothing on standard error. */
import { Chat, connect, listen, memoryPair } from "../../mod.ts";

const LINES = { terminator: "\n" };

function pair(): [Chat, Chat] {
  const [left, right] = memoryPair();
  return [new Chat(left, LINES), new Chat(right, LINES)];
}

function careless(chat: Chat): void {
  chat.read();
  chat.read(-1);
  chat[Symbol.asyncIterator]().next();
  chat.push("x");
  chat.push("x".repeat(1_000_000));
  chat.flush();
  chat.closeWrite();
  chat.closeWhenDone();
  chat[Symbol.asyncDispose]();
}

async function* failing(): AsyncGenerator<string> {
  yield "x";
  throw new Error("the producer failed");
}

{ // closed on this side, before and after
  const [chat, peer] = pair();
  careless(chat);
  chat.close(new Error("enough"));
  careless(chat);
  peer.close();
}
{ // closed by the other
  const [chat, peer] = pair();
  peer.close();
  careless(chat);
}
{ // a producer that fails, and one that fails to clean up
  const [chat, peer] = pair();
  chat.push(failing(), failing());
  chat.push({
    [Symbol.iterator]: () => ({
      next: () => ({ done: false, value: "x" }),
      return: () => {
        throw new Error("the clean-up failed");
      },
    }),
  });
  careless(chat);
  await chat.closed;
  peer.close();
}
{ // a direction that cannot be ended in order
  const [chat, peer] = pair();
  chat.push("x".repeat(1_000_000));
  chat.closeWrite();
  peer.close();
  await chat.closed;
}
{ // a connection that was reset: the peer closes with bytes unread
  const listener = await listen({ port: 0, ...LINES });
  const chat = await connect({ port: listener.address.port, ...LINES });
  const peer = (await listener.accept())!;
  chat.push("unread\n".repeat(100));
  await chat.flush();
  await peer.read();
  peer.close();
  careless(chat);
  await chat.closed;
  await listener.close();
}
console.log("done");
