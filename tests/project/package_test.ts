/**
 * The packed file, as npm gets it: what is in it, and that it works where it is installed. That is the same from whichever
 * runtime it is packed and installed, so once is enough: from Node, which calls the others.
 */
import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import process from "node:process";
import { test } from "node:test";
import { pathToFileURL } from "node:url";
import { assertEquals, assertMatch } from "@std/assert";
import { type Bundle, bundleForBrowser } from "../support/bundle.ts";
import * as browser from "../support/browser.ts";
import { Installed } from "../support/packed.ts";
import { CURRENT } from "../support/programs.ts";
import { shellOutput } from "../support/shell.ts";

const isHere = CURRENT === "node";
const skip = { skip: !isHere };
const title = (name: string): string => isHere ? name : `${name} (once is enough: from Node)`;

/** The entries beside the main one: their folders. */
const DOORS = ["process", "testing", "tls", "udp", "websocket"];

let made: Promise<Installed> | undefined;
const install = (): Promise<Installed> => made ??= Installed.make();

/** The names of the project's modules, without their extension. */
const modules = [
  "mod",
  ...readdirSync("src", { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => `src/${name.slice(0, -".ts".length)}`),
];

const documents = readdirSync("docs")
  .filter((name) => name.endsWith(".md"))
  .map((name) => `docs/${name}`);
const DOCUMENTS: readonly string[] = ["LICENSE", "README.md", "CHANGELOG.md"];

test(
  title("the packed file has the sources, what was built of them, the documents, and nothing else"),
  skip,
  async () => {
    const { files } = await install();
    const kinds = (name: string): string[] => [
      `${name}.ts`,
      ...[".js", ".js.map", ".d.ts", ".d.ts.map"].map((kind) => `dist/${name}${kind}`),
    ];
    assertEquals(
      [...files].sort(),
      [
        ...["package.json", "dist/globals.d.ts", ...DOCUMENTS],
        ...documents,
        ...modules.flatMap(kinds),
      ].sort(),
    );
  },
);

test(title("the source maps in the packed file lead to sources in it"), skip, async () => {
  const { files, path } = await install().then((installed) => ({
    files: installed.files,
    path: (name: string) => installed.path(`node_modules/asynchat/${name}`),
  }));
  const maps = files.filter((name) => name.endsWith(".map"));
  assertEquals(maps.length, 2 * modules.length);
  for (const name of maps) {
    const { sources } = JSON.parse(readFileSync(path(name), "utf8"));
    const [source, ...more] = sources.map((source: string) => join(dirname(name), source));
    assertEquals(more, []);
    assertEquals(source, name.replace(/^dist\/(.+?)\.(d\.ts|js)\.map$/, "$1.ts"));
    assertEquals(files.includes(source), true);
  }
});

test(title("the packed types name nothing that TypeScript 5.2 does not know"), skip, async () => {
  const installed = await install();
  const types = installed.files.filter((name) => name.endsWith(".d.ts"));
  const folder = "node_modules/asynchat";
  const isNewer = (name: string): boolean =>
    /\b(Uint|Int|Float)\d+Array</.test(readFileSync(installed.path(`${folder}/${name}`), "utf8"));
  assertEquals(types.filter(isNewer), []);
  assertEquals(types.length > 0, true);
});

test(title("publint and Are the Types Wrong find nothing in the packed file"), skip, async () => {
  const { tarball } = await install();
  assertMatch(await shellOutput(`publint run --strict '${tarball}'`), /^All good!$/m);
  // There is nothing for require() but the module itself, and nothing for what resolved types before `exports`.
  const report = await shellOutput(`attw --profile esm-only --format json '${tarball}'`);
  const { analysis } = JSON.parse(report);
  const found = Object.entries<{ resolutionKind?: string }[]>(analysis.problems)
    .flatMap(([, problem]) => problem)
    .filter(({ resolutionKind }) => !/^node1(0|6-cjs)$/.test(resolutionKind ?? ""));
  assertEquals(found, []);
  assertEquals(
    Object.keys(analysis.entrypoints).sort(),
    [".", ...DOORS.map((name) => `./${name}`), "./package.json"].sort(),
  );
});

test(
  title("JSR takes the sources and the documents without a warning, and nothing else"),
  skip,
  async () => {
    const said = await shellOutput("deno publish --dry-run --allow-dirty 2>&1");
    assertEquals(said.match(/^.*warning.*$/gim), null);
    const here = pathToFileURL(`${process.cwd()}/`).href;
    const files = [...said.matchAll(/^ +(file:\S+) \(/gm)].map(([, url]) =>
      url!.slice(here.length)
    );
    assertEquals(
      files.sort(),
      [
        ...["deno.json", ...DOCUMENTS],
        ...documents,
        ...modules.map((name) => `${name}.ts`),
      ].sort(),
    );
  },
);

const CONVERSATION = `
import { Chat, connect, fromBun, fromDeno, fromNode, memoryPair, serve } from "asynchat";
import { fromBunWebSocket } from "asynchat/websocket";
import { checkConnection } from "asynchat/testing";

const options = { terminator: "\\n", encoding: "utf-8" };
const server = await serve({ port: 0, ...options }, async (chat) => {
  const count = Number(await chat.read());
  chat.push((await chat.readText(count)).toUpperCase(), "\\n");
});
const chat = await connect({ port: server.address.port, ...options });
chat.push("9\\n", (function* () { yield "hel"; yield "lo\\nyou"; })());
console.log(await chat.read());
console.log(await chat.read());
await chat.closeWhenDone();
await server.shutdown({ grace: 0 });

await checkConnection(() => memoryPair());
console.log([Chat, fromNode, fromDeno, fromBun, fromBunWebSocket].map(({ name }) => name).join());
`;

/** The same as a CommonJS module. */
const REQUIRED = `(async () => {
${CONVERSATION.replace(/import (.+) from (".+");/g, "const $1 = require($2);")}
})();`;

const RUNS = {
  node: "node conversation.js",
  "node, by require()": "node conversation.cjs",
  deno: "deno run --quiet --no-prompt --allow-net conversation.js",
  "deno, by npm:": "deno run --quiet --no-prompt --allow-net conversation_npm.js",
  bun: "bun run conversation.js",
};

for (const [runtime, line] of Object.entries(RUNS)) {
  test(title(`the packed file holds a conversation on ${runtime}`), skip, async () => {
    const installed = await install();
    installed.write("conversation.js", CONVERSATION);
    installed.write("conversation.cjs", REQUIRED);
    installed.write("conversation_npm.js", CONVERSATION.replaceAll('from "', 'from "npm:'));
    assertEquals(
      (await installed.run(line)).trim().split("\n"),
      ["HELLO", "YOU", "Chat,fromNode,fromDeno,fromBun,fromBunWebSocket"],
    );
  });
}

const TYPED = `
import { Chat, connect, type Connection, type DenoConnLike, FrameStream, fromBun, fromDeno, fromNode, memoryPair, type NodeDuplexLike, serve } from "asynchat";
import { chaos, checkConnection } from "asynchat/testing";

export async function talk(): Promise<void> {
  await using chat = await connect({ port: 1, terminator: "\\n", encoding: "utf-8" });
  const line: string | null = await chat.read();
  // @ts-expect-error: it is text
  const bytes: Uint8Array | null = await chat.read();
  for await (const frame of chat) chat.push(frame, [line ?? "", String(bytes)]);
}
export const connections = (stream: NodeDuplexLike, conn: DenoConnLike): Connection[] =>
  [fromNode(stream), fromDeno(conn), ...memoryPair()];
export const others = [Chat, FrameStream, serve, fromBun, chaos, checkConnection];
`;

const PIPED = `
import { FrameStream } from "asynchat";
const frames = new FrameStream({ terminator: "\\n", encoding: "utf-8" });
export const lines: ReadableStream<string> = new Response("one").body!.pipeThrough(frames);
`;

/** What a program says of its types: the least, and the web's with all that the library adds nothing to. */
const SETTINGS = {
  "that knows neither the web's types nor a runtime's": "typed.ts --lib ES2022 --module nodenext",
  "that knows the web's types":
    "piped.ts --lib ES2022,DOM --module esnext --moduleResolution bundler",
} as const;

for (const [program, settings] of Object.entries(SETTINGS)) {
  test(title(`the packed file has the types of a program ${program}`), skip, async () => {
    const installed = await install();
    installed.write("typed.ts", TYPED);
    installed.write("piped.ts", PIPED);
    const strict = "--ignoreConfig --noEmit --strict --skipLibCheck false --target ES2022";
    assertEquals(await installed.run(`tsc ${strict} ${settings}`), "");
  });
}

const PAGE = `
import * as asynchat from "asynchat";
import * as testing from "asynchat/testing";
import * as processes from "asynchat/process";
import * as tls from "asynchat/tls";
import * as websocket from "asynchat/websocket";

const { Chat, connect, memoryPair } = asynchat;
globalThis.page = {
  async talk() {
    const [left, right] = memoryPair().map((each) => new Chat(each, { terminator: "\\n", encoding: "utf-8" }));
    await left.send("hello");
    return await right.read();
  },
  connect: () => connect({ port: 1, terminator: "\\n" }).then(String, String),
  names: () => [asynchat, testing, processes, tls, websocket].map((module) => Object.keys(module).length > 0),
};
`;

/** All of the packed file, bundled for a browser. */
async function bundlePage(): Promise<Bundle> {
  const installed = await install();
  installed.write("page.js", PAGE);
  return await bundleForBrowser({ entryPoints: [installed.path("page.js")] });
}

test(title("the packed file bundles for a browser, and imports nothing there"), skip, async () => {
  const { script, metafile } = await bundlePage();
  assertEquals(Object.values(metafile.outputs).flatMap(({ imports }) => imports), []);
  assertEquals(script.match(/\b(?:import|require)\s*\(?\s*["'`][^"'`]*/g), null);
});

test(browser.title("the packed file works in a browser"), browser.skip, async () => {
  if (browser.chromium === undefined) throw new Error("CI must have Chromium");
  const { script } = await bundlePage();
  await using page = await browser.ScriptedPage.open(browser.chromium, script, () => {});
  assertEquals(await page.call("talk"), "hello");
  assertMatch(await page.call("connect"), /no TCP sockets/);
  assertEquals(await page.call("names"), [true, true, true, true, true]);
  assertEquals(page.errors, []);
});
