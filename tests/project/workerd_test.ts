/**
 * `mod.ts` in a Cloudflare Worker, whose sockets are web streams: it runs under `workerd`, which is what runs Workers at
 * Cloudflare. It is bundled and started from Node: what it does there does not depend on the runtime that drives it. Where
 * there is no `workerd`, these tests are skipped; with `CI` in the environment they fail.
 */
import { once } from "node:events";
import { createRequire } from "node:module";
import { type AddressInfo, createServer, type Socket } from "node:net";
import process from "node:process";
import { test } from "node:test";
import { createSecureContext, TLSSocket } from "node:tls";
import { assertEquals, assertStringIncludes } from "@std/assert";
import { bundleForBrowser } from "../support/bundle.ts";
import { Authority } from "../support/certificates.ts";
import { ClosedPort } from "../support/closed_port.ts";
import { Folder } from "../support/folder.ts";
import { CURRENT, Program } from "../support/programs.ts";

/** The program itself: the command of the package may be a script that starts it, and does not take it along when it is killed. */
function findWorkerd(): string | undefined {
  try {
    return createRequire(import.meta.url)("workerd").default;
  } catch {
    return undefined;
  }
}

const workerd = findWorkerd();
const reason = CURRENT !== "node"
  ? "once is enough: from Node"
  : workerd !== undefined || process.env["CI"]
  ? undefined
  : "no workerd is installed";
const skip = { skip: reason !== undefined };
const title = (name: string): string => reason === undefined ? name : `${name} (${reason})`;

/** A Worker that runs, and a server that it may talk to. Disposing of it ends both. */
class RunningWorker {
  readonly port: number;
  readonly #program: Program;
  readonly #folder: Folder;
  readonly #url: string;
  readonly #end: () => Promise<unknown>;

  private constructor(
    program: Program,
    folder: Folder,
    url: string,
    port: number,
    end: () => Promise<unknown>,
  ) {
    this.#program = program;
    this.#folder = folder;
    this.#url = url;
    this.port = port;
    this.#end = end;
  }

  static async start(): Promise<RunningWorker> {
    const authority = new Authority();
    const folder = new Folder();
    const { script } = await bundleForBrowser({ entryPoints: ["tests/programs/worker.ts"] });
    folder.write("worker.js", script);
    folder.write("ca.pem", authority.ca);
    const config = folder.write("config.capnp", CONFIG);
    const program = new Program([workerd!, "serve", config, "--control-fd=1"]);
    const [, port] = await program.line(/"event":"listen","socket":"http","port":(\d+)/);
    const server = createServer({ allowHalfOpen: true });
    const context = createSecureContext(authority.sign("DNS:localhost"));
    server.on("connection", (socket) => {
      serve(socket, () => new TLSSocket(socket, { isServer: true, secureContext: context }));
    });
    await once(server.listen(0, "127.0.0.1"), "listening");
    const end = (): Promise<unknown> => once(server.close(), "close");
    const { port: served } = server.address() as AddressInfo;
    return new RunningWorker(program, folder, `http://127.0.0.1:${port}`, served, end);
  }

  /** What a task of the Worker came to. */
  async call<T>(task: string, port: number = this.port): Promise<T> {
    return await (await fetch(`${this.#url}/${task}?port=${port}`)).json() as T;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#program[Symbol.asyncDispose]();
    await this.#end();
    this.#folder[Symbol.dispose]();
  }
}

const CONFIG = `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [
    (name = "main", worker = .worker),
    (name = "internet", network = (
      allow = ["private", "local"],
      tlsOptions = (trustedCertificates = [embed "ca.pem"]),
    )),
  ],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
const worker :Workerd.Worker = (
  modules = [(name = "worker", esModule = embed "worker.js")],
  compatibilityDate = "2026-01-01",
);
`;

/** Gives back what comes behind `ECHO n`, breaks off at `RESET`, and goes on over TLS at `STARTTLS`. */
function serve(socket: Socket, secure: () => Socket): void {
  let held = "";
  const onData = (data: Uint8Array): void => {
    held += data;
    for (let end = held.indexOf("\n"); end >= 0; end = held.indexOf("\n")) {
      const [word, number] = held.slice(0, end).split(" ");
      const next = end + 1 + (word === "ECHO" ? Number(number) : 0);
      if (held.length < next) return;
      if (word === "ECHO") socket.write(`BACK ${number}\n${held.slice(end + 1, next)}`);
      held = held.slice(next);
      if (word === "RESET") socket.resetAndDestroy();
      if (word === "STARTTLS") {
        socket.off("data", onData);
        socket.write("GO\n");
        serve(secure(), secure);
      }
    }
  };
  socket.on("data", onData).on("end", () => socket.end()).on("error", () => {});
}

interface Told {
  readonly name: string;
  readonly code: string;
  readonly message: string;
  readonly isConnectionError: boolean;
}

interface Ending {
  readonly read: Told;
  readonly closed: Told;
  readonly again: Told;
}

test(title("a Cloudflare Worker holds a dialogue over its socket"), skip, async () => {
  await using worker = await RunningWorker.start();
  assertEquals(await worker.call("dialogue"), {
    line: "BACK 100000",
    length: 100_000,
    rest: ["BACK 2", "ok"],
    end: null,
  });
});

test(
  title("a Cloudflare Worker is told by one ConnectionError that its socket was reset"),
  skip,
  async () => {
    await using worker = await RunningWorker.start();
    const { read, closed, again } = await worker.call<Ending>("ending");
    assertEquals([read.isConnectionError, read.code], [true, "reset"]);
    assertEquals([closed, again], [read, read]);
  },
);

test(
  title("a Cloudflare Worker is told by one ConnectionError that its socket could not connect"),
  skip,
  async () => {
    await using worker = await RunningWorker.start();
    await using closed = await ClosedPort.hold();
    const ending = await worker.call<Ending>("ending", closed.port);
    assertEquals(ending.read.isConnectionError, true);
    // workerd says the same of a name that it does not find.
    assertEquals(ending.read.code, "other");
    assertStringIncludes(ending.read.message, "cannot connect to the specified address");
    assertEquals([ending.closed, ending.again], [ending.read, ending.read]);
  },
);

test(
  title("a Cloudflare Worker has its socket's streams unlocked when the chat is detached"),
  skip,
  async () => {
    await using worker = await RunningWorker.start();
    assertEquals(await worker.call("detach"), {
      line: "BACK 5",
      locked: [false, false],
      rest: ["hello", "BACK 5", "world"],
    });
  },
);

test(
  title("a Cloudflare Worker goes on over TLS with the socket of a chat that was detached"),
  skip,
  async () => {
    await using worker = await RunningWorker.start();
    assertEquals(await worker.call("starttls"), ["BACK 6", "secret"]);
  },
);
