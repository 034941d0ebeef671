/**
 * What a bundler takes of the library: what is asked for, what that needs, and nothing else. It is the same from whichever
 * runtime the bundler is called, so once is enough: from Node.
 */
import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { bundleForBrowser } from "../support/bundle.ts";
import { loadedWith } from "../support/modules.ts";
import { CURRENT } from "../support/programs.ts";

const isHere = CURRENT === "node";
const title = (name: string): string => isHere ? name : `${name} (once is enough: from Node)`;

/** The modules of which there is something in a bundle of these names. */
async function modulesFor(names: string): Promise<string[]> {
  const contents = `export { ${names} } from "./mod.ts";`;
  const { metafile } = await bundleForBrowser({ stdin: { contents, resolveDir: "." } });
  return Object.values(metafile.outputs)
    .flatMap(({ inputs }) => Object.entries(inputs))
    .filter(([name, { bytesInOutput }]) => name.startsWith("src/") && bytesInOutput > 0)
    .map(([name]) => name);
}

test(
  title("a bundle of Framer alone has the modules that framer.ts loads, and no other"),
  { skip: !isHere },
  async () => {
    const modules = await modulesFor("Framer");
    const needed = loadedWith("src/framer.ts");
    assertEquals(modules.includes("src/framer.ts"), true);
    assertEquals(modules.filter((name) => !needed.has(name)), []);
  },
);

test(
  title("a bundle of Chat and memoryPair has no transport but the one in memory, and TLS for it"),
  { skip: !isHere },
  async () => {
    const modules = await modulesFor("Chat, memoryPair");
    // TLS over any connection is loaded when startTls() is called.
    const roots = ["src/chat.ts", "src/adapters/memory.ts", "src/adapters/tls.ts"];
    const needed = new Set(roots.flatMap((file) => [...loadedWith(file)]));
    assertEquals(roots.filter((file) => !modules.includes(file)), []);
    assertEquals(modules.filter((name) => !needed.has(name)), []);
    const others = /\/(bun|deno|websocket|streams|iterable|process|udp|sockets|connect|listen)\b/;
    assertEquals(modules.filter((name) => others.test(name)), []);
  },
);
