/** A line to 1,000 connections: the processor time that it takes the server, which is a process of its own. */
import { once } from "node:events";
import { connect as connectSocket, type Socket } from "node:net";
import { connect } from "../../../mod.ts";
import type { Contest, Contestant } from "../contest.ts";
import { start } from "../programs.ts";

const MEMBERS = 1_000;
const LINE_LENGTH = 101;
const LINES = 100;

export function* contests(): Generator<Contest> {
  yield {
    name: "a line to 1,000 connections, processor time",
    unit: "ms a line",
    contestants: {
      "push() to each of server.chats": fanOut("chats"),
      "a loop over bare sockets": fanOut("bare"),
    },
    figures: [
      {
        // At most 1.3 times as much: at least 1 / 1.3 as fast.
        name: "a line to 1,000 chats, against a loop over bare sockets",
        ours: "push() to each of server.chats",
        against: ["a loop over bare sockets"],
        atLeast: 0.77,
      },
    ],
  };
}

function fanOut(kind: "chats" | "bare"): Contestant {
  return async () => {
    await using server = start("dev/bench/programs/fan_out_server.ts", kind);
    const [, port, controlPort] = await server.line(/^listening on (\d+), (\d+)$/);
    const members: Socket[] = [];
    let missing = 0;
    let onAll: () => void = () => {};
    for (let i = 0; i < MEMBERS; i++) {
      const member = connectSocket(Number(port), "127.0.0.1");
      await once(member, "data"); // it is accepted
      member.on("data", ({ length }) => {
        missing -= length;
        if (missing === 0) onAll();
      });
      members.push(member);
    }
    const control = await connect({
      port: Number(controlPort),
      terminator: "\n",
      encoding: "utf-8",
    });
    const hear = async (lines: number): Promise<number> => {
      control.push("cpu\n");
      const before = Number(await control.read());
      for (let i = 0; i < lines; i++) {
        missing = MEMBERS * LINE_LENGTH;
        const all = new Promise<void>((resolve) => onAll = resolve);
        control.push("go\n");
        await all;
      }
      control.push("cpu\n");
      return (Number(await control.read()) - before) / 1000 / lines;
    };
    await hear(LINES / 2);
    const taken = await hear(LINES);
    for (const member of members) member.destroy();
    control.close();
    return taken;
  };
}
