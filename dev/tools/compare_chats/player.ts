// Plays a script on one version of the library.

import process from "node:process";
import { nextTurn } from "../../../tests/support/turn.ts";
import { PlayedConnection } from "./connection.ts";
import type { Coverage } from "./coverage.ts";
import type { Library } from "./library.ts";
import { Notes } from "./notes.ts";
import { Program } from "./program.ts";
import { type Behaviour, type Event, isEvent, type Script, type Step, toBytes } from "./script.ts";
import { ASPECTS, type Trace } from "./trace.ts";
import type { VirtualTime } from "./virtual_time.ts";

/** All is at rest when nothing has happened for so many turns of the event loop, */
const TURNS_OF_REST = 4;
/** and it should be after so many. */
const MOST_TURNS = 2_000;

export interface Playing {
  readonly library: Library;
  readonly time: VirtualTime;
  readonly withMessages: boolean;
  readonly coverage?: Coverage | undefined;
}

/** To whom what nothing handles is reported at present. */
let current: Notes | undefined;

/** Has what nothing handles noted in the trace of the script that is played. */
export function watchUnhandled(): void {
  const note = (what: string, error: unknown): void => {
    if (current === undefined) throw error;
    current.tellError("process", "left", `UNHANDLED ${what}:`, error);
  };
  process.on("unhandledRejection", (error) => note("rejection", error));
  process.on("uncaughtException", (error) => note("exception", error));
}

/** Plays the script, and gives what it has led to. */
export async function play(script: Script, playing: Playing): Promise<Trace> {
  const notes = current = new Notes(playing.withMessages, playing.coverage);
  // Stacks take half of the time that an error takes, and are not compared.
  const { stackTraceLimit } = Error;
  Error.stackTraceLimit = 0;
  try {
    await new Player(script, playing, notes).play();
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
    current = undefined;
  }
  return notes.trace;
}

class Player {
  readonly #script: Script;
  readonly #time: VirtualTime;
  readonly #notes: Notes;
  readonly #trace: Trace;
  readonly #connection: PlayedConnection;
  readonly #program: Program;
  readonly #stats: Map<string, number> = new Map();
  /** Whether nothing can happen before the next step. */
  #isAtRest = false;

  constructor(script: Script, { library, time }: Playing, notes: Notes) {
    this.#script = script;
    this.#time = time;
    this.#notes = notes;
    this.#trace = notes.trace;
    const connect = (name: string, behaviour: Behaviour): PlayedConnection =>
      new PlayedConnection(name, library, behaviour, notes.trace, notes.labels);
    this.#connection = connect("connection", script.behaviour);
    this.#program = new Program(script, library, notes, connect("the other connection", {}));
  }

  async play(): Promise<void> {
    const [notes, time] = [this.#notes, this.#time];
    try {
      this.#program.begin(this.#connection);
    } catch (error) {
      return notes.tellError("new Chat", "new Chat", "throws", error);
    }
    for (const [index, step] of this.#script.steps.entries()) {
      const pause = this.#play(`#${index}`, step);
      if (pause !== undefined) await pause; // else the next one follows at once
    }
    await this.#endTurn();
    this.#program.finish();
    await this.#settle();
    if (time.waiting > 0) notes.tell("time", "timers are left", "left", "a timer");
    time.clear();
    notes.finish();
  }

  #play(name: string, step: Step): Promise<void> | undefined {
    if (step.does === "turn") return this.#endTurn();
    if (step.does === "time passes") return this.#pass(step.ms);
    if (step.does === "microtasks") return passMicrotasks(step.count);
    const act = (): undefined => {
      this.#isAtRest &&= isEvent(step) && this.#script.grain !== "coarse";
      if (isEvent(step)) this.#happen(step);
      else this.#program.call(`${name} ${step.does}`, step);
    };
    const { grain } = this.#script;
    const waits = grain === "coarse" || (grain === "medium" && isEvent(step));
    return waits && !this.#isAtRest ? this.#settle().then(act) : act();
  }

  #happen(event: Event): void {
    const connection = this.#connection;
    this.#notes.count(event.does);
    switch (event.does) {
      case "arrive":
        return connection.arrive(toBytes(event.bytes));
      case "nonsense arrives":
        return connection.arrive(42);
      case "peer ends":
        return connection.arrive(null);
      case "read fails":
        return connection.failRead(event.error, event.throws);
      case "write fails":
        return connection.failWrite(event.error);
      case "reset":
        return connection.reset(event.error);
      case "connection vanishes":
        return connection.vanish();
      case "hold writes":
        return connection.hold();
      case "release writes":
        return connection.release();
      case "gate opens":
        return this.#program.openGate();
    }
  }

  async #pass(ms: number): Promise<void> {
    const settle = (): Promise<void> => this.#settle();
    await settle();
    await this.#time.pass(ms, settle);
    this.#notes.count("time passes");
  }

  async #endTurn(): Promise<void> {
    await this.#settle();
    const { chats, open } = this.#program;
    for (const [index, chat] of chats.entries()) {
      for (const [key, value] of Object.entries(chat.stats)) {
        const name = `chat ${index} stats.${key}`;
        const aspect = ASPECTS.find((aspect) => aspect === key);
        if (aspect === undefined || (this.#stats.get(name) ?? 0) === value) continue;
        this.#stats.set(name, value);
        this.#trace.add(name, String(value), aspect);
      }
    }
    if (open === 0 && this.#time.waiting > 0) this.#notes.tell("time", "timers wait still");
    this.#trace.turn++;
  }

  /** Waits until nothing happens any more, whatever number of turns of the event loop that takes. */
  async #settle(): Promise<void> {
    let [seen, rest] = [-1, 0];
    for (let turns = 0; rest < TURNS_OF_REST; turns++) {
      await nextTurn();
      rest = this.#trace.activity === seen ? rest + 1 : 0;
      seen = this.#trace.activity;
      if (turns > MOST_TURNS) return this.#notes.tell("process", "it does not come to rest");
    }
    this.#isAtRest = true;
  }
}

async function passMicrotasks(count: number): Promise<void> {
  for (let i = 0; i < count; i++) await undefined;
}
