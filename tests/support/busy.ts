/** A program that is busy, and peers in a process of their own that go on meanwhile. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { Folder } from "./folder.ts";
import { ENV } from "./programs.ts";

/** Keeps the program busy for at least so long, in milliseconds, and until it may stop. */
export function beBusy(milliseconds: number, mayStop: () => boolean = () => true): void {
  const end = performance.now() + milliseconds;
  while (performance.now() < end || !mayStop());
}

/** Keeps the program busy in every turn of the event loop, until the promise settles. */
export async function beBusyUntil(promise: Promise<unknown>, milliseconds: number): Promise<void> {
  let isSettled = false;
  const onSettled = (): void => void (isSettled = true);
  promise.then(onSettled, onSettled);
  while (!isSettled) {
    beBusy(milliseconds);
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
}

/** Answers each byte with one, and makes a file when the answer is on its way: the program looks for it while it is busy. */
const ECHO = `
const [kind, folder] = process.argv.slice(1), { readFileSync, writeFileSync } = require("node:fs");
const read = (name) => readFileSync(folder + "/" + name);
let answers = 0;
const serve = (socket) => socket.on("error", () => {}).on("data", (bytes) => {
  for (const byte of bytes) socket.write(Uint8Array.of(byte), () => writeFileSync(folder + "/" + answers++, ""));
});
const server = kind === "tls"
  ? require("node:tls").createServer({ cert: process.env.CERT, key: process.env.KEY }, serve)
  : require("node:net").createServer(serve);
server.listen(kind === "unix" ? folder + "/socket" : 0, () => console.log(server.address().port ?? 0));
`;

/** A live peer: an echo server. Disposing of it stops it. */
export class LivePeer {
  readonly port: number;
  readonly path: string;
  readonly #folder: Folder;
  readonly #child: ChildProcess;
  #asked = 0;

  private constructor(child: ChildProcess, folder: Folder, port: number) {
    this.#child = child;
    this.#folder = folder;
    this.port = port;
    this.path = folder.at("socket");
  }

  /** Starts one; it speaks TLS if it has a certificate. */
  static async start(
    kind: "tcp" | "unix" | "tls",
    certificate?: { cert: string; key: string },
  ): Promise<LivePeer> {
    const folder = new Folder();
    const env = { ...ENV, CERT: certificate?.cert, KEY: certificate?.key };
    const child = spawn("node", ["-e", ECHO, kind, folder.path], {
      stdio: ["ignore", "pipe", "inherit"],
      env,
    });
    const [port] = await once(child.stdout!, "data");
    return new LivePeer(child, folder, Number(port));
  }

  /** Keeps the program busy until the peer has sent one answer more, and for so long at least. */
  beBusyWhileItAnswers(milliseconds: number): void {
    const file = this.#folder.at(String(this.#asked++));
    beBusy(milliseconds, () => existsSync(file));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = once(this.#child, "exit");
    this.#child.kill();
    await ended;
    this.#folder[Symbol.dispose]();
  }
}
