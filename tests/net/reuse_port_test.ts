/** Several listeners on one port. */
import process from "node:process";
import { test } from "node:test";
import { assert, assertRejects, assertStrictEquals } from "@std/assert";
import { connect, ConnectionError, listen, UnsupportedError } from "../../mod.ts";
import { command, CURRENT, Program, run } from "../support/programs.ts";

const LINES = { terminator: "\n", encoding: "utf-8" } as const;

const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
const has = process.platform === "linux" &&
  (CURRENT !== "node" || major >= 24 || (major === 23 && minor >= 1) ||
    (major === 22 && minor >= 12));
const whereItIs = { skip: has ? false : "needs Linux, and Deno, Bun, or Node 22.12" };

/** Deno has the option with a flag only. */
function sharing(port: number, name: string): string[] {
  return command(CURRENT, "tests/programs/shares_port.ts", `${port}`, name)
    .flatMap((arg) => arg === "--no-prompt" ? [arg, "--unstable-net"] : [arg]);
}

const portOf = async (program: Program): Promise<number> =>
  Number((await program.line(/^port (\d+)$/))[1]);

test(
  "serve() with reusePort shares a port with another process, and both get connections",
  whereItIs,
  async () => {
    await using first = new Program(sharing(0, "first"));
    const port = await portOf(first);
    await using second = new Program(sharing(port, "second"));
    assertStrictEquals(await portOf(second), port);
    const served = { first: 0, second: 0 };
    for (let i = 0; i < 200; i++) {
      await using client = await connect({ port, ...LINES });
      served[(await client.read()) as "first" | "second"]++;
    }
    // The system chooses by the client's port: that one gets them all has a chance of 2 in 2 ** 200.
    assert(served.first > 0 && served.second > 0, JSON.stringify(served));
    assertStrictEquals(served.first + served.second, 200);

    const error = await assertRejects(() => listen({ port, ...LINES }), ConnectionError);
    assertStrictEquals(error.code, "in-use");
  },
);

test(
  "listen() with reusePort does not take a port whose listener does not share it",
  whereItIs,
  async () => {
    await using listener = await listen({ port: 0, ...LINES });
    const { code, stderr } = await run(sharing(listener.address.port, "second"));
    assert(code !== 0);
    assert(stderr.includes(`127.0.0.1:${listener.address.port}: the address is in use`), stderr);
  },
);

test("listen() says that reusePort is not there, where it is not", {
  skip: has && CURRENT !== "deno" ? "it is here" : false,
}, async () => {
  const error: unknown = await listen({ port: 0, reusePort: true, ...LINES }).catch((e) => e);
  // Node tells by itself on which systems it has the option.
  const isKnown = CURRENT !== "node" || process.platform === "linux";
  assert(error instanceof (isKnown ? UnsupportedError : ConnectionError), `${error}`);
  if (isKnown) assert(error.message.startsWith("reusePort needs"), error.message);
});
