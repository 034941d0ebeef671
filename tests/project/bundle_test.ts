/**
 * What a bundler takes of the library: what is asked for, what that needs, and nothing else. It is the same from whichever
 * runtime the bundler is called, so once is enough: from Node.
 */
import { test } from "node:test";
import { assertEquals } from "@std/assert";
import { bundleForBrowser } from "../support/bundle.ts";
import { CURRENT } from "../support/programs.ts";

const isHere = CURRENT === "node";
const title = (name: string): string => isHere ? name : `${name} (once is enough: from Node)`;

/** What a bundle of these names has something of: modules of ours, and what it imports. */
async function bundled(names: string): Promise<{ modules: string[]; imports: string[] }> {
  const contents = `export { ${names} } from "./mod.ts";`;
  const { metafile } = await bundleForBrowser({ stdin: { contents, resolveDir: "." } });
  const outputs = Object.values(metafile.outputs);
  const modules = outputs.flatMap(({ inputs }) => Object.entries(inputs))
    .filter(([name, { bytesInOutput }]) => name !== "<stdin>" && bytesInOutput > 0)
    .map(([name]) => name);
  return { modules, imports: outputs.flatMap(({ imports }) => imports).map(({ path }) => path) };
}

/** What a bundle of these names has, and all that else may be in it. */
const NEEDED: Readonly<Record<string, readonly [has: string, mayHave: RegExp]>> = {
  "Framer": [
    "src/framer/framer.ts",
    /^src\/(common|framer|framings)\/|^src\/errors\.ts$/,
  ],
  // chat.upgrade() is given what goes over TLS: a chat has none of it.
  "Chat, memoryPair": [
    "src/chat/chat.ts",
    /^src\/(?!tls\/|net\/|sockets\/|connect\.|listen\.|.*\/(bun|deno|websocket|streams|iterable|process|udp)\b)/,
  ],
};

for (const [names, [has, mayHave]] of Object.entries(NEEDED)) {
  test(
    title(`a bundle of ${names} has what that needs, and nothing else`),
    { skip: !isHere },
    async () => {
      const { modules, imports } = await bundled(names);
      assertEquals(modules.includes(has), true);
      assertEquals(modules.filter((name) => !mayHave.test(name)), []);
      assertEquals(imports, []);
    },
  );
}
