/** Peers in a process of their own, written for Node's `net`, for what one's own runtime should not do to itself. */
import { type ChildProcess, spawn } from "node:child_process";

const PROGRAMS = {
  /** Sends "last words", waits until they are out, and breaks off with a RST. */
  send_and_reset: `socket.write("last words", () => socket.resetAndDestroy());`,
  /** Reads nothing, and breaks off with a RST when its standard input says so. */
  reset_when_told: `socket.pause(); process.stdin.once("data", () => {
    socket.resetAndDestroy(); process.stdin.destroy();
  });`,
};

export interface Peer {
  /** Resolves when the process has ended. */
  readonly exited: Promise<void>;
  /** Writes a line to the process. */
  tell(): void;
}

/** Starts a peer that connects to the port; resolves when the process runs. */
export async function startPeer(program: keyof typeof PROGRAMS, port: number): Promise<Peer> {
  const script = `const socket = require("node:net").connect(${port}, "127.0.0.1", () => {
    ${PROGRAMS[program]}
  }); socket.on("error", () => {});`;
  const child: ChildProcess = spawn("node", ["-e", script], {
    stdio: ["pipe", "ignore", "inherit"],
  });
  await new Promise((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", reject);
  });
  return {
    exited: new Promise((resolve) => child.once("exit", () => resolve())),
    tell: () => child.stdin!.write("now\n"),
  };
}
