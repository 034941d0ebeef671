/**
 * What a program's compiler says of the packed file's types: the oldest that is supported, the last of the old line, and the
 * newest. A function of one's own around `connect()` needs no cast, and what is wrong with an option names the option. Once is
 * enough: from Node.
 */
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { assertEquals, assertMatch } from "@std/assert";
import { Installed } from "../support/packed.ts";
import { CURRENT } from "../support/programs.ts";

const isHere = CURRENT === "node";
const skip = { skip: !isHere };
const title = (name: string): string => isHere ? name : `${name} (once is enough: from Node)`;

let made: Promise<Installed> | undefined;
const install = (): Promise<Installed> => made ??= Installed.make();

const COMPILERS = ["typescript-5.2", "typescript-5.9", "typescript"];

/** What a compiler says of a file in the project, each thing that is wrong with its reasons in one line. */
async function compile(compiler: string, file: string, text: string): Promise<string[]> {
  const installed = await install();
  installed.write(file, text);
  const { resolve } = createRequire(import.meta.url);
  const tsc = join(dirname(resolve(`${compiler}/package.json`)), "bin", "tsc");
  const strict = "--noEmit --strict --exactOptionalPropertyTypes --skipLibCheck false";
  // TypeScript 6 and later take a file beside a tsconfig.json only if they are told to.
  const alone = compiler === "typescript" ? "--ignoreConfig" : "";
  const settings = "--target ES2022 --lib ES2022 --module nodenext --pretty false";
  const said = await installed.run(`node '${tsc}' ${strict} ${alone} ${settings} ${file}`)
    .catch((error: Error) => error.message);
  const lines = said.replace(/\n +/g, " ").split("\n").map((line) =>
    line.slice(line.indexOf(file))
  );
  return lines.filter((line) => /^[^(]+\(\d+,\d+\): error /.test(line));
}

const AROUND = `
import {
  Chat, connect, type ConnectOptions, type Encoding, type Frame, type FramedBy, type FrameOf, type Framing, jsonLines, lines,
  listen, type Listener, type ListenOptions, serve, type Server, type ServeOptions,
} from "asynchat";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends (<T>() => T extends B ? 1 : 2) ? A : never;

export async function dial(options: ConnectOptions): Promise<Chat<Frame>> {
  return await connect({ ...options, port: 1 });
}
export const asTheyAre = (options: ConnectOptions): Promise<Chat<Frame>> => connect(options);
export const toUrl = (options: ConnectOptions): Promise<Chat<Frame>> => connect("tcp://127.0.0.1:1", options);
export const dialText = (options: ConnectOptions): Promise<Chat<string>> =>
  connect({ ...options, encoding: "utf-8" as const });
export const await1 = (options: ListenOptions): Promise<Listener<Frame>> => listen({ ...options, port: 0 });
export const answer = (options: ServeOptions<Frame>): Promise<Server<Frame>> =>
  serve({ ...options, port: 0 }, async (chat) => {
    for await (const frame of chat) chat.push(frame);
  });
export function same<E extends Encoding | undefined = undefined, M = Uint8Array>(
  options: ConnectOptions & FramedBy<E, M>,
): Promise<Chat<FrameOf<E, M>>> {
  return connect<E, M>({ ...options, port: 1 });
}

interface Note {
  readonly id: number;
}
export async function types(notes: Framing<Note>): Promise<void> {
  const bytes = await connect({ port: 1, terminator: "\\n" });
  const text = await connect({ port: 1, terminator: lines(), encoding: "utf-8" });
  const json = await connect({ port: 1, terminator: jsonLines<Note>() });
  const own = await same({ terminator: notes });
  const ownText = await same({ terminator: 1, encoding: "latin1" });
  const ownBytes = await same({ terminator: null });
  const seen: [
    Same<typeof bytes, Chat>, Same<typeof text, Chat<string>>, Same<typeof json, Chat<Note>>, Same<typeof own, Chat<Note>>,
    Same<typeof ownText, Chat<string>>, Same<typeof ownBytes, Chat>,
  ] = [bytes, text, json, own, ownText, ownBytes];
  void seen;
  await serve({ port: 0, terminator: notes, onError: (_error, chat) => void chat?.send({ id: 1 }) }, async (chat) => {
    for await (const { id } of chat) await chat.send({ id });
  });
}
`;

/** What is wrong with a call, and what of the error must be in the compiler's line: the call is one line. */
const WRONG: readonly (readonly [call: string, named: RegExp])[] = [
  [
    `connect({ port: 1, terminator: "\\n", maxFrameLenght: 1 })`,
    /'maxFrameLenght'.*'maxFrameLength'/,
  ],
  [`connect({ port: 1, encoding: "utf-8", terminator: "\\n", idleTimout: 1 })`, /'idleTimout'/],
  [`connect({ port: 1, terminator: "\\n", encoding: "utf-16le" })`, /'"utf-16le"'.*Encoding/],
  [`connect("tcp://127.0.0.1:1", { terminator: "\\n", timout: 1 })`, /'timout'/],
  [`listen({ port: 1, terminator: "\\n", reusPort: true })`, /'reusPort'/],
  [`serve({ port: 1, terminator: "\\n", maxConnection: 1 }, () => {})`, /'maxConnection'/],
  [`new Chat(memoryPair()[0], { terminator: "\\n", maxFrameLenght: 1 })`, /'maxFrameLenght'/],
  [
    `new Chat(memoryPair()[0], { terminator: "\\n", encoding: "utf-16le" })`,
    /'"utf-16le"'.*Encoding/,
  ],
  [`new Framer({ terminator: "\\n", encoding: "utf-16le" })`, /'"utf-16le"'.*Encoding/],
];

/** The same of an option of a wrong type, where the error names the type, and stands at the option. */
const MISTYPED: readonly (readonly [call: string, option: string])[] = [
  [`connect({ port: "1", terminator: "\\n" })`, "port"],
  [`connect({ port: 1, terminator: "\\n", encoding: 5 })`, "encoding"],
  [
    `connect({ port: 1, terminator: "\\n", encoding: "utf-8", maxFrameLength: "1" })`,
    "maxFrameLength",
  ],
  [`connect({ port: 1, terminator: true })`, "terminator"],
  [`listen({ port: 1, terminator: "\\n", highWaterMark: "1" })`, "highWaterMark"],
  [`serve({ port: 1, terminator: "\\n", whenFull: "drop" }, () => {})`, "whenFull"],
  [`new Chat(memoryPair()[0], { terminator: "\\n", frameTimeout: "1" })`, "frameTimeout"],
];

for (const compiler of COMPILERS) {
  const name = compiler.replace("typescript", "TypeScript").replace(/t$/, "t 7").replace("-", " ");

  test(
    title(`${name} infers the frames of functions around connect(), without a cast`),
    skip,
    async () => {
      assertEquals(await compile(compiler, "around.ts", AROUND), []);
    },
  );

  test(title(`${name} names the option that is wrong`), skip, async () => {
    const head = 'import { Chat, connect, Framer, listen, memoryPair, serve } from "asynchat";\n';
    const calls = [...WRONG, ...MISTYPED].map(([call]) => call);
    const said = await compile(compiler, "wrong.ts", `${head}${calls.join(";\n")};\n`);
    assertEquals(said.map((line) => line.split(/[(,]/)[1]), calls.map((_, i) => String(i + 2)));
    for (const line of said) assertMatch(line, /^(?!.*valueOf)/);
    for (const [i, [, named]] of WRONG.entries()) assertMatch(said[i]!, named);
    for (const [i, [call, option]] of MISTYPED.entries()) {
      const column = Number(/,(\d+)\)/.exec(said[WRONG.length + i]!)?.[1]);
      assertEquals(call.slice(column - 1).split(":")[0], option);
    }
  });
}
