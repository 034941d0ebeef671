import { Chat, ChatError, connect, type Connection, lines } from "../../mod.ts";

const LINES = { terminator: lines(), encoding: "utf-8" } as const;

/** A line that was said, now or before: who, and what. */
const SAID = /^(?:\[[^\]]+\] )?(\p{L}\S*): (.*)$/u;

/** Somebody who talks in a chat, as with `nc`. Disposing of it hangs up. */
export class Talker {
  readonly chat: Chat<string>;
  /** All that was read. */
  readonly lines: string[] = [];
  nick = "";

  constructor(chat: Chat<string>) {
    this.chat = chat;
  }

  /** Connects, says a name, and is in the first room. */
  static async come(port: number, nick: string): Promise<Talker> {
    const talker = new Talker(await connect({ port, ...LINES }));
    await talker.enter(nick);
    return talker;
  }

  /** The same over a connection that is there. */
  static over(connection: Connection): Talker {
    return new Talker(new Chat(connection, LINES));
  }

  async enter(nick: string): Promise<void> {
    this.nick = nick;
    await this.say(nick);
    await this.until(/^\* in lobby there are /);
  }

  async say(line: string): Promise<void> {
    await this.chat.send(line);
  }

  /** Reads up to the first line that matches, which it returns. */
  async until(pattern: RegExp): Promise<string> {
    for (;;) {
      const line = await this.chat.read();
      if (line === null) {
        throw new Error(`no line like ${pattern} came:\n${this.lines.slice(-20).join("\n")}`);
      }
      this.lines.push(line);
      if (pattern.test(line)) return line;
    }
  }

  /** Says something, and reads up to the line that answers it. */
  async ask(line: string, answer: RegExp): Promise<string> {
    await this.say(line);
    return await this.until(answer);
  }

  /** Reads until the connection has ended, in order or not. */
  async ended(): Promise<void> {
    try {
      for await (const line of this.chat) this.lines.push(line);
    } catch (error) {
      if (!(error instanceof ChatError)) throw error;
    }
    this.chat.close();
  }

  /** What it has read that somebody said. */
  get heard(): string[] {
    return this.lines.filter((line) => SAID.test(line)).map((line) => {
      const [, nick, words] = line.match(SAID)!;
      return `${nick}: ${words}`;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.chat.close();
    await this.chat.closed;
  }
}
