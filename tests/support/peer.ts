/** Peers in a process of their own, written for Node's `net`, for what one's own runtime should not do to itself. */
import { spawn } from "node:child_process";

const PROGRAMS = {
  /** When told, sends "last words", waits until they are out, and breaks off with a RST. */
  send_and_reset: `whenTold(() => socket.write("last words", () => socket.resetAndDestroy()));`,
  /** Reads nothing, and breaks off with a RST when told. */
  reset_when_told: `socket.pause(); whenTold(() => socket.resetAndDestroy());`,
  /**
   * Sends a line, "550 bye", reads nothing, and breaks off with a RST when told. When the line is out, it connects a
   * second time: whoever accepts that knows that the line has arrived.
   */
  complain_and_reset: `socket.pause(); socket.write("550 bye\\n", () => {
    const second = require("node:net").connect(socket.remotePort, "127.0.0.1");
    second.on("error", () => {});
    whenTold(() => { socket.resetAndDestroy(); second.destroy(); });
  });`,
  /** Sends three lines, "before", "first" and "second", reads nothing, and breaks off with a RST when told. */
  speak_and_reset: `socket.pause(); socket.write("before\\nfirst\\nsecond\\n");
  whenTold(() => socket.resetAndDestroy());`,
  /** Breaks off with a RST at once. */
  reset: `socket.resetAndDestroy();`,
};

export interface Peer {
  /** Resolves when the process has ended. */
  readonly exited: Promise<void>;
  /** Tells the process to do what it waits with. */
  tell(): void;
}

/** Starts a peer that connects to the port, and stays open when this side ends; resolves when the process runs. */
export async function startPeer(program: keyof typeof PROGRAMS, port: number): Promise<Peer> {
  const script = `
  const whenTold = (action) => process.stdin.once("data", () => {
    action();
    process.stdin.destroy();
  });
  const socket = require("node:net").connect({ port: ${port}, host: "127.0.0.1", allowHalfOpen: true }, () => {
    ${PROGRAMS[program]}
  }); socket.on("error", () => {});`;
  const child = spawn("node", ["-e", script], {
    stdio: ["pipe", "ignore", "inherit"],
  });
  await new Promise((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", reject);
  });
  return {
    exited: new Promise((resolve) => child.once("exit", () => resolve())),
    tell: () => child.stdin.write("now\n"),
  };
}
