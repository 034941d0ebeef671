/**
 * Peers that send nonsense to the servers of the examples: random bytes, and conversations that were in order before bytes of
 * them were changed, left out, repeated, or cut off. What they send comes in any chunks, and they end, vanish, or break.
 */
import fc from "fast-check";
import { assert, assertInstanceOf } from "@std/assert";
import { type Chat, ChatError, type Connection, type Frame, memoryPair, serve } from "../../mod.ts";
import { chaos } from "../../testing.ts";
import { bytes, concat } from "./bytes.ts";

export interface Attacked {
  /** Serves one connection to its end. It may fail by a `ChatError`, as the handler of a server may. */
  readonly serve: (connection: Connection) => Promise<unknown>;
  /** What well-behaved peers send: whole conversations. */
  readonly samples: readonly (string | Uint8Array)[];
  /** Throws if this is nothing that the protocol lets a server say. */
  readonly checkAnswer?: (answer: Uint8Array) => void;
}

/** How many attacks are under way at a time. */
const AT_ONCE = 100;
const LONGEST_ANSWER = 64 * 1024 * 1024;

interface Attack {
  readonly input: Uint8Array;
  readonly seed: number;
  readonly then: "ends" | "closes" | "is cut off";
}

/** Attacks a server that many times; `seed` repeats a failure that was reported. */
export async function attack(
  attacked: Attacked,
  times: number = 10_000,
  seed: number = Math.floor(Math.random() * 2 ** 31),
): Promise<void> {
  const attacks = sampleAttacks(attacked.samples, times, seed);
  for (let at = 0; at < attacks.length; at += AT_ONCE) {
    await Promise.all(
      attacks.slice(at, at + AT_ONCE).map(async (one) => {
        try {
          await carryOut(attacked, one);
        } catch (cause) {
          const input = JSON.stringify(new TextDecoder("latin1").decode(one.input));
          throw new Error(
            `the peer that ${one.then} after ${input.slice(0, 2_000)} (seed ${seed})`,
            { cause },
          );
        }
      }),
    );
  }
}

export interface AttackedClient {
  /** What well-behaved servers say. */
  readonly samples: readonly (string | Uint8Array)[];
  /** Talks with the server at that port, to the end. */
  readonly use: (port: number) => Promise<void>;
}

/** Lets a client talk, over real sockets, with as many servers that send nonsense, whatever they are asked. */
export async function attackClient(
  { samples, use }: AttackedClient,
  times: number = 10_000,
  seed: number = Math.floor(Math.random() * 2 ** 31),
): Promise<void> {
  const attacks = sampleAttacks(samples, times, seed);
  const waiting = [...attacks];
  const server = await serve({ port: 0, terminator: null, onError: () => {} }, async (chat) => {
    const { input = new Uint8Array(), then } = waiting.pop() ?? {};
    await chat.read(); // what it was asked
    chat.push(input);
    if (then === "closes") await chat.flush();
    else await chat.closeWhenDone();
    if (then === "closes") chat.close();
  });
  try {
    for (let at = 0; at < attacks.length; at += AT_ONCE) {
      await Promise.all(attacks.slice(at, at + AT_ONCE).map(() => use(server.address.port)));
    }
  } catch (cause) {
    throw new Error(`seed ${seed}`, { cause });
  } finally {
    await server.shutdown({ grace: 0 });
  }
}

/** What a server does with a connection: a chat for its handler, which is closed when that is done. */
export function handledBy<F extends Frame>(
  makeChat: (connection: Connection) => Chat<F>,
  handler: (chat: Chat<F>) => Promise<unknown>,
): Attacked["serve"] {
  return async (connection) => {
    const chat = makeChat(connection);
    try {
      await handler(chat);
      await chat.closeWhenDone();
    } finally {
      chat.close();
    }
  };
}

function sampleAttacks(samples: Attacked["samples"], times: number, seed: number): Attack[] {
  const all = samples.map((sample) => typeof sample === "string" ? bytes(sample) : sample);
  return fc.sample(anAttack(all), { numRuns: times, seed });
}

function anAttack(samples: readonly Uint8Array[]): fc.Arbitrary<Attack> {
  const sample = fc.constantFrom(...samples);
  const random = fc.uint8Array({ maxLength: 300, size: "max" });
  const place = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  const change = fc.record({
    kind: fc.constantFrom("flip", "insert", "delete", "repeat", "cut", "splice"),
    from: place,
    to: place,
    material: fc.oneof(fc.uint8Array({ minLength: 1, maxLength: 4 }), sample),
  });
  const mutated = fc.tuple(sample, fc.array(change, { minLength: 1, maxLength: 4 })).map((
    [sample, changes],
  ) => changes.reduce(mutate, sample));
  return fc.record({
    input: fc.oneof({ weight: 1, arbitrary: random }, { weight: 4, arbitrary: mutated }),
    seed: fc.integer(),
    then: fc.constantFrom("ends", "ends", "closes", "is cut off"),
  });
}

function mutate(
  input: Uint8Array,
  { kind, from, to, material }: { kind: string; from: number; to: number; material: Uint8Array },
): Uint8Array {
  const [start, end] = [from, to].map((place) => Math.floor(place * (input.length + 1))).sort((
    a,
    b,
  ) => a - b) as [number, number];
  const [head, middle, tail] = [input.slice(0, start), input.slice(start, end), input.slice(end)];
  switch (kind) {
    case "flip":
      return concat([
        head,
        material.subarray(0, 4),
        input.slice(start + Math.min(4, material.length)),
      ]);
    case "insert":
      return concat([head, material.subarray(0, 4), middle, tail]);
    case "delete":
      return concat([head, tail]);
    case "repeat":
      return concat([head, middle, middle, tail]);
    case "cut":
      return head;
    default:
      return concat([head, material, tail]);
  }
}

/** One peer, from its first byte until the server is done with it. */
async function carryOut(
  { serve, checkAnswer }: Attacked,
  { input, seed, then }: Attack,
): Promise<void> {
  const [left, right] = memoryPair();
  const resetAfter = then === "is cut off" ? input.length >> 1 : Infinity;
  const served = serve(chaos(left, { seed, resetAfter })).catch((error) =>
    assertInstanceOf(error, ChatError)
  );
  const heard = hear(right);
  try {
    await right.write(input);
    await right.closeWrite();
  } catch (error) {
    assertInstanceOf(error, ChatError); // the server has had enough
  }
  if (then === "closes") right.close();
  await served;
  right.close();
  checkAnswer?.(await heard);
}

/** Reads all that a server says. One that never ends would be heard for as long as the test may take. */
async function hear(connection: Connection): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for (let chunk = await connection.read(); chunk; chunk = await connection.read()) {
      length += chunk.length;
      assert(length <= LONGEST_ANSWER, "the server does not stop talking");
      chunks.push(chunk);
    }
  } catch (error) {
    assertInstanceOf(error, ChatError);
  }
  return concat(chunks);
}
