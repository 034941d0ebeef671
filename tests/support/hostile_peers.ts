/**
 * Peers that send nonsense to the servers of the examples: random bytes, and conversations that were in order before bytes of
 * them were changed, left out, repeated, or cut off. What they send comes in any chunks, and they end, vanish, or break.
 */
import process from "node:process";
import fc from "fast-check";
import { assert, assertInstanceOf } from "@std/assert";
import { type Chat, ChatError, type Connection, memoryPair, serve } from "../../mod.ts";
import { chaos } from "../../src/testing/mod.ts";
import { bytes, concat } from "./bytes.ts";
import { type Dial, dialing } from "./dial.ts";

export interface Attacked {
  /** Serves one connection to its end. It may fail by a `ChatError`, as the handler of a server may. */
  readonly serve: (connection: Connection) => Promise<unknown>;
  /** What well-behaved peers send: whole conversations. */
  readonly samples: readonly (string | Uint8Array)[];
  /** Throws if this is nothing that the protocol lets a server say. */
  readonly checkAnswer?: (answer: Uint8Array) => void;
}

/** How many peers attack: `HOSTILE_RUNS=10000` in the environment lets more of them come. */
const RUNS = Number(process.env["HOSTILE_RUNS"] ?? 300);
/** What they do: `HOSTILE_SEED` in the environment repeats a failure, which names it. */
const SEED = Number(process.env["HOSTILE_SEED"] ?? Math.floor(Math.random() * 2 ** 31));
/** How many attacks are under way at a time. */
const AT_ONCE = 100;
const LONGEST_ANSWER = 64 * 1024 * 1024;

interface Attack {
  readonly input: Uint8Array;
  readonly seed: number;
  readonly then: "ends" | "closes" | "is cut off";
}

/** Attacks a server, again and again. */
export async function attack(attacked: Attacked): Promise<void> {
  await carryOutAll(attacked.samples, (one) => carryOut(attacked, one));
}

/**
 * Lets a client talk with as many servers that send nonsense, over connections that break.
 * @param KnownError What it may fail by, beside a `ChatError`.
 */
export async function attackDialed<T = Uint8Array>(
  samples: Attacked["samples"],
  KnownError: abstract new (...args: never[]) => Error,
  use: (dial: Dial<T>) => Promise<unknown>,
): Promise<void> {
  const serve = (connection: Connection): Promise<unknown> =>
    use(dialing(connection)).catch((error) => {
      if (!(error instanceof KnownError)) throw error;
    });
  await attack({ samples, serve });
}

/** Lets a client talk, over real sockets, with as many servers that send nonsense, whatever they are asked. */
export async function attackClient(
  samples: Attacked["samples"],
  use: (port: number) => Promise<void>,
): Promise<void> {
  await carryOutAll(samples, async ({ input, then }) => {
    const server = await serve({ port: 0, terminator: null, onError() {} }, async (chat) => {
      await chat.read(); // what it was asked
      chat.push(input);
      if (then === "ends") return;
      await chat.flush();
      chat.close();
    });
    try {
      await use(server.address.port);
    } finally {
      await server.shutdown({ grace: 0 });
    }
  });
}

async function carryOutAll(
  samples: Attacked["samples"],
  carryOutOne: (one: Attack) => Promise<void>,
): Promise<void> {
  const all = samples.map((sample) => typeof sample === "string" ? bytes(sample) : sample);
  const waiting = fc.sample(anAttack(all), { numRuns: RUNS, seed: SEED });
  const attacker = async (): Promise<void> => {
    for (let one = waiting.shift(); one !== undefined; one = waiting.shift()) {
      try {
        await carryOutOne(one);
      } catch (cause) {
        const input = JSON.stringify(new TextDecoder("latin1").decode(one.input)).slice(0, 2_000);
        const what = `the peer that ${one.then} after ${input}`;
        throw new Error(`${what} (HOSTILE_SEED=${SEED} HOSTILE_RUNS=${RUNS})`, { cause });
      }
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, attacker));
}

/** What a server does with a connection: a chat for its handler, which is closed when that is done. */
export function handledBy<F>(
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

/** What may become of an input whose middle lies between two places, with material from elsewhere. */
const MUTATIONS = {
  replace: ([head, _, tail], material) => [head, material, tail],
  overwrite: ([head, middle, tail], material) => [
    ...[head, material.subarray(0, 4)],
    concat([middle, tail]).subarray(Math.min(4, material.length)),
  ],
  insert: ([head, middle, tail], material) => [head, material.subarray(0, 4), middle, tail],
  delete: ([head, _, tail]) => [head, tail],
  repeat: ([head, middle, tail]) => [head, middle, middle, tail],
  cut: ([head]) => [head],
} satisfies Record<string, (parts: Parts, material: Uint8Array) => Uint8Array[]>;

type Parts = readonly [head: Uint8Array, middle: Uint8Array, tail: Uint8Array];

function anAttack(samples: readonly Uint8Array[]): fc.Arbitrary<Attack> {
  const sample = fc.constantFrom(...samples);
  const random = fc.uint8Array({ maxLength: 300, size: "max" });
  const place = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true });
  const change = fc.record({
    mutate: fc.constantFrom(...Object.values(MUTATIONS)),
    places: fc.tuple(place, place),
    material: fc.oneof(fc.uint8Array({ minLength: 1, maxLength: 4 }), sample),
  });
  const mutated = fc.tuple(sample, fc.array(change, { minLength: 1, maxLength: 4 })).map((
    [sample, changes],
  ) =>
    changes.reduce((input, { mutate, places, material }) => {
      const [start, end] = places.map((place) => Math.floor(place * (input.length + 1)))
        .sort((one, other) => one - other) as [number, number];
      const parts = [input.slice(0, start), input.slice(start, end), input.slice(end)] as const;
      return concat(mutate(parts, material));
    }, sample)
  );
  return fc.record({
    input: fc.oneof({ weight: 1, arbitrary: random }, { weight: 4, arbitrary: mutated }),
    seed: fc.integer(),
    then: fc.constantFrom("ends", "ends", "closes", "is cut off"),
  });
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
