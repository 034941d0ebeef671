// Makes a random script of a seed.

import { Random } from "./random.ts";
import type {
  Behaviour,
  Call,
  Failure,
  Grain,
  Item,
  Options,
  ProducerPlan,
  Script,
  Step,
} from "./script.ts";
import { makeFrame, pickTerminator } from "./terminators.ts";

/** The kinds of steps, how often each comes, and whether it ends something. */
const KINDS: readonly { readonly kind: Step["does"]; readonly weight: number; ends?: true }[] = [
  { kind: "arrive", weight: 22 },
  { kind: "read", weight: 8 },
  { kind: "readBytes", weight: 2 },
  { kind: "readText", weight: 2 },
  { kind: "abort", weight: 3 },
  { kind: "loop", weight: 3 },
  { kind: "batches", weight: 3 },
  { kind: "next() and leave", weight: 2 },
  { kind: "stream", weight: 4 },
  { kind: "leave streams", weight: 2 },
  { kind: "go on with streams", weight: 2 },
  { kind: "set terminator", weight: 4 },
  { kind: "set maxFrameLength", weight: 2 },
  { kind: "push", weight: 12 },
  { kind: "send", weight: 4 },
  { kind: "flush", weight: 4 },
  { kind: "stats", weight: 2 },
  { kind: "wrong call", weight: 1 },
  { kind: "hold writes", weight: 4 },
  { kind: "release writes", weight: 4 },
  { kind: "gate opens", weight: 3 },
  { kind: "time passes", weight: 4 },
  { kind: "discardBuffers", weight: 2 },
  { kind: "peer ends", weight: 2, ends: true },
  { kind: "read fails", weight: 1, ends: true },
  { kind: "nonsense arrives", weight: 0.3, ends: true },
  { kind: "write fails", weight: 1, ends: true },
  { kind: "reset", weight: 1, ends: true },
  { kind: "connection vanishes", weight: 0.7, ends: true },
  { kind: "abort the chat's signal", weight: 1, ends: true },
  { kind: "closeWrite", weight: 2, ends: true },
  { kind: "closeWhenDone", weight: 2, ends: true },
  { kind: "close", weight: 2, ends: true },
  { kind: "detach", weight: 2, ends: true },
  { kind: "dispose", weight: 1, ends: true },
];

const FLOWING: readonly Step[] = [{ does: "turn" }, { does: "gate opens" }, {
  does: "release writes",
}];
const CLOSING: readonly Step[] = [
  { does: "time passes", ms: 60_000 },
  { does: "turn" },
  { does: "close" },
  { does: "close", stale: true },
  { does: "gate opens" },
];

/** What is open when all steps are done is brought to its end, so that the rest can be compared, too. */
const FINALES: readonly (readonly Step[])[] = [
  [...FLOWING, { does: "turn" }, ...CLOSING],
  // All is read, and sent.
  [
    ...FLOWING,
    { does: "peer ends" },
    { does: "loop", frames: 100 },
    { does: "turn" },
    { does: "loop", frames: 100 },
    { does: "closeWhenDone" },
    { does: "turn" },
    ...CLOSING,
  ],
  // The peer has more to say, and stops in the middle.
  [
    ...FLOWING,
    { does: "closeWhenDone" },
    { does: "turn" },
    { does: "time passes", ms: 1_200 },
    { does: "arrive", bytes: "and so on" },
    { does: "time passes", ms: 1_200 },
    { does: "turn" },
    { does: "time passes", ms: 1_200 },
    { does: "turn" },
    ...CLOSING,
  ],
];

/**
 * The script of that seed.
 * @param without Names of what is left out: kinds of steps, details of them, options, terminators, kinds of producers. A
 * script with the same seed and less left out is another script.
 * @param grain What passes between its steps.
 */
export function makeScript(seed: number, without: ReadonlySet<string>, grain: Grain): Script {
  return new ScriptMaker(new Random(seed), without).make(grain);
}

/** The names of what can be left out, as far as scripts have asked for them. */
const known: Set<string> = new Set();

/**
 * Checks the names of what is to be left out.
 * @throws {TypeError} If there is no such thing.
 */
export function checkNames(without: ReadonlySet<string>): void {
  for (let seed = 0; seed < 300; seed++) makeScript(seed, without, "fine");
  for (const name of without) {
    if (known.has(name)) continue;
    throw new TypeError(
      `nothing in a script is called ${JSON.stringify(name)}, only ${[...known].sort().join(", ")}`,
    );
  }
}

class ScriptMaker {
  readonly #random: Random;
  readonly #without: ReadonlySet<string>;
  readonly #options: Options;
  /** The terminator in force, as far as can be told beforehand. */
  #terminator: string;
  /** What is on its way to the chat, and has not arrived. */
  #wire = "";
  #signals = 0;
  #isDetached = false;
  /** Counts what is pushed, so that no two pieces are alike. */
  #pushed = 0;

  constructor(random: Random, without: ReadonlySet<string>) {
    this.#random = random;
    this.#without = without;
    this.#options = this.#makeOptions();
    this.#terminator = this.#options.terminator;
  }

  make(grain: Grain): Script {
    const random = this.#random;
    const behaviour = this.#makeBehaviour();
    const asksLate = !this.#may("early closed", 0.85);
    // Each script has a part of the kinds only: so it goes deeper into what these do with each other.
    const kinds = KINDS.filter(({ kind }) => this.#has(kind) && random.chance(0.65));
    const unlikely = kinds.map((kind) => kind.ends ? { ...kind, weight: kind.weight / 10 } : kind);
    const steps: Step[] = [];
    const length = random.pick([4, 8, 15, 25, 40]);
    for (let i = 0; i < length && kinds.length > 0; i++) {
      steps.push(this.#makeStep(random.pickWeighted(i > length * 0.6 ? kinds : unlikely).kind));
      const ticks = random.below(12);
      if (random.chance(0.4)) steps.push({ does: "turn" });
      else if (grain === "fine" && ticks < 6) steps.push({ does: "microtasks", count: 1 + ticks });
    }
    const finale = random.pick(FINALES).filter(({ does }) => this.#has(does));
    return {
      options: this.#options,
      behaviour,
      grain,
      ...(asksLate ? { asksLate } : {}),
      steps: [...steps, ...finale],
    };
  }

  #makeStep(kind: Step["does"]): Step {
    switch (kind) {
      case "arrive":
        return { does: kind, bytes: this.#makeChunk() };
      case "read fails":
        return { does: kind, error: this.#pickFailure(), ...this.#maybe(0.2, "throws", true) };
      case "write fails":
      case "reset":
        return { does: kind, error: this.#pickFailure() };
      case "time passes":
        return { does: kind, ms: this.#random.pick([1, 12, 120, 1_200, 2_400, 40_000]) };
      case "microtasks":
        return { does: kind, count: 1 };
      case "turn":
      case "gate opens":
      case "peer ends":
      case "hold writes":
      case "release writes":
      case "nonsense arrives":
      case "connection vanishes":
        return { does: kind };
      default:
        return {
          ...this.#makeCall(kind),
          ...(this.#isDetached && this.#may("stale", 0.3) ? { stale: true } : {}),
        };
    }
  }

  #makeCall(kind: Call["does"]): Call {
    const random = this.#random;
    switch (kind) {
      case "read":
      case "readBytes":
      case "readText":
        return {
          does: kind,
          ...this.#maybe(0.3, "terminator", this.#pickTerminator()),
          ...(this.#may("signal", 0.35) ? { signal: this.#pickSignal() } : {}),
          ...this.#maybe(0.15, "timeout", random.pick([0, 10, 100, 1_000])),
          ...this.#maybe(0.05, "unwatched", true),
        };
      case "abort":
        return { does: kind, signal: this.#pickSignal() };
      case "loop":
      case "batches":
        return {
          does: kind,
          frames: random.pick([1, 2, 5, 100]),
          ...this.#maybe(0.15, "leaves", "throw"),
          ...this.#maybe(0.3, "sets", this.#pickTerminators()),
          ...(kind === "batches" ? this.#maybe(0.5, "ofEach", random.pick([1, 2])) : {}),
          ...this.#maybe(0.2, "isSlow", true),
        };
      case "next() and leave":
        return {
          does: kind,
          nexts: random.below(4),
          ...this.#maybe(0.2, "leaves", "throw"),
          ...this.#maybe(0.3, "isBatches", true),
        };
      case "stream":
        return {
          does: kind,
          ...this.#maybe(0.4, "terminator", this.#pickTerminator()),
          pieces: random.pick([0, 1, 2, 100, 100]),
          ...this.#maybe(0.7, "then", random.pick(["return", "throw", "dispose", "stay", "stay"])),
          ...this.#maybe(0.2, "ahead", true),
        };
      case "set terminator":
        return { does: kind, to: this.#terminator = this.#pickTerminator() };
      case "set maxFrameLength":
        return { does: kind, to: random.pick([0, 3, 15, 1_000, Infinity]) };
      case "push":
        return {
          does: kind,
          items: Array.from({ length: random.pick([0, 1, 1, 1, 2, 3]) }, () => this.#makeItem()),
          ...this.#maybe(0.25, "beside", this.#makeText()),
          ...this.#maybe(0.1, "unwatched", true),
        };
      case "send":
        return {
          does: kind,
          payload: this.#makeText() + random.pick(["", "", "", "\n", "abab", "\xe9"]),
          ...this.#maybe(0.3, "asBytes", true),
          ...this.#maybe(0.1, "unwatched", true),
        };
      case "close":
        return {
          does: kind,
          ...this.#maybe(0.6, "reason", random.pick(["an Error", "a ConnectionError", "a string"])),
        };
      case "wrong call":
        return { does: kind, which: random.below(100) };
      case "detach":
        this.#isDetached = true;
        return { does: kind };
      default:
        return { does: kind, ...this.#maybe(0.1, "unwatched", true) };
    }
  }

  /** A part of what is on the wire, which may end in the middle of a frame. */
  #makeChunk(): string {
    const random = this.#random;
    for (let frames = random.pick([0, 1, 1, 2, 4]); frames > 0 || this.#wire === ""; frames--) {
      const terminator = random.chance(0.8) ? this.#terminator : this.#pickTerminator();
      this.#wire += makeFrame(random, terminator);
      if (this.#wire === "") this.#wire = "a";
    }
    const cut = random.chance(0.6) ? this.#wire.length : 1 + random.below(this.#wire.length);
    const chunk = this.#wire.slice(0, cut);
    this.#wire = this.#wire.slice(cut);
    return chunk;
  }

  #makeItem(): Item {
    const random = this.#random;
    if (this.#may("producers", 0.4)) return this.#makeProducer();
    return random.chance(0.7) ? this.#makeText() : { bytes: this.#makeText() };
  }

  #makeProducer(): ProducerPlan {
    const random = this.#random;
    const kinds = ([
      "array",
      "generator",
      "generator",
      "async generator",
      "async generator",
      "iterator",
      "iterator without return()",
      "async iterator",
      "async iterator",
      "iterator of promises",
      "web stream",
    ] as const).filter((kind) => this.#has(kind));
    const kind = random.pick(kinds) ?? "array";
    const pieces = Array.from({ length: random.below(4) }, () => this.#makeText());
    return {
      kind,
      pieces,
      ...this.#maybe(0.3, "asBytes", true),
      ...this.#maybe(0.1, "together", true),
      ...this.#maybe(0.5, "waits", random.pick(["a turn", "the gate"])),
      ...this.#maybe(
        0.25,
        "then",
        random.pick(["throws", "throws", "hangs", "goes on", "yields nonsense"]),
      ),
      ...this.#maybe(0.2, "atReturn", random.pick(["throws", "hangs"])),
      ...this.#maybe(0.1, "does", this.#makeInnerCall()),
      ...this.#maybe(0.1, "doesAtReturn", this.#makeInnerCall()),
    };
  }

  /** What a producer does to its own chat. */
  #makeInnerCall(): Call {
    const kinds =
      (["push", "send", "flush", "read", "loop", "set terminator", "discardBuffers"] as const)
        .filter((kind) => this.#has(kind));
    const endings = (["closeWrite", "closeWhenDone", "close", "dispose"] as const)
      .filter((kind) => this.#has(kind));
    const kind = this.#random.pick(this.#random.chance(0.6) ? kinds : endings);
    if (kind === "push") return { does: kind, items: [this.#makeText()] };
    return kind === undefined ? { does: "stats" } : this.#makeCall(kind);
  }

  /** A text that begins like no other. */
  #makeText(): string {
    const random = this.#random;
    const isLarge = this.#may("large data", 0.08);
    const length = random.pick(isLarge ? [5_000, 70_000] : [0, 1, 5, 10, 10, 50, 300]);
    if (length === 0) return "";
    const text = `<${this.#pushed++}>`.padEnd(length, random.pick([".", ".", "\xe9", "-"]));
    return text.slice(0, length);
  }

  #makeOptions(): Options {
    const random = this.#random;
    const encodings = (["utf-8", "latin1"] as const).filter((encoding) => this.#has(encoding));
    return {
      terminator: this.#pickTerminator(),
      ...this.#maybe(0.3, "maxFrameLength", random.pick([0, 3, 5, 15, 1_000, Infinity])),
      ...this.#maybe(0.5, "incomplete", random.pick(["throw", "yield", "drop"])),
      ...(encodings.length > 0 ? this.#maybe(0.3, "encoding", random.pick(encodings)) : {}),
      ...this.#maybe(0.2, "fatal", random.chance(0.7)),
      ...this.#maybe(0.4, "highWaterMark", random.pick([0, 1, 20, 1_000, 1_024, 5_000])),
      ...this.#maybe(
        0.25,
        "maxQueuedBytes",
        random.pick([0, 200, 3_000, 3_000, 100_000, Infinity]),
      ),
      ...this.#maybe(0.15, "idleTimeout", random.pick([10, 100, 2_200, 30_000])),
      ...this.#maybe(0.15, "signal", random.pick(["live", "live", "live", "aborted"])),
      ...this.#maybe(0.1, "unread", random.text(10, "abc\n\r\x02:,15")),
    };
  }

  #makeBehaviour(): Behaviour {
    const random = this.#random;
    return {
      ...(this.#may("answers later", 0.3) ? { answers: "a turn later" } : {}),
      ...(this.#may("failing closeWrite", 0.3)
        ? { closeWrite: random.pick(["hangs", "throws", "a turn later", this.#pickFailure()]) }
        : {}),
      ...(this.#may("odd closed", 0.2)
        ? { closed: random.pick(["never", "a turn later", "rejects"]) }
        : {}),
      ...(this.#may("canReset", 0.2) ? { canReset: random.chance(0.3) } : {}),
    };
  }

  #pickFailure(): Failure {
    if (this.#random.chance(0.5)) return "reset";
    return this.#random.pick(["tls", "other", "plain Error", "a string"]);
  }

  #pickTerminator(): string {
    return pickTerminator(this.#random, (name) => this.#has(name));
  }

  #pickTerminators(): string[] {
    return Array.from({ length: 1 + this.#random.below(3) }, () => this.#pickTerminator());
  }

  /** A signal of before, or a new one. */
  #pickSignal(): number {
    if (this.#signals === 0 || this.#random.chance(0.5)) return this.#signals++;
    return this.#random.below(this.#signals);
  }

  /** Whether scripts have that. */
  #has(name: string): boolean {
    known.add(name);
    return !this.#without.has(name);
  }

  #may(name: string, probability: number): boolean {
    return this.#has(name) && this.#random.chance(probability);
  }

  /** The member, or nothing. */
  #maybe<const K extends string, const V>(
    probability: number,
    name: K,
    value: V,
  ): { readonly [N in K]?: V } {
    if (!this.#may(name, probability)) return {};
    return { [name]: value } as { readonly [N in K]: V };
  }
}
