// The connection of a script. What arrives, what is taken, and what fails depends on the script alone, not on how often the
// chat reads or how it cuts its writes.

import { concat, isEqual } from "../../../tests/support/bytes.ts";
import { nextTurn } from "../../../tests/support/turn.ts";
import type { Connection } from "../../../mod.ts";
import { Deferred } from "./deferred.ts";
import { describeError, describeValue, type Labels } from "./describe.ts";
import type { Library } from "./library.ts";
import type { Behaviour, Failure } from "./script.ts";
import type { Aspect, Entry, Trace } from "./trace.ts";

type Arrival = { readonly gives: unknown } | { readonly error: unknown; readonly throws: boolean };

/** A chat that asks for so much without the script going on would never stop. */
const RUNAWAY = 20_000;

interface Write {
  readonly data: Uint8Array;
  /** What it was when it was given. */
  readonly copy: Uint8Array;
  readonly taken: Deferred;
}

export class PlayedConnection implements Connection {
  readonly canReset: boolean | undefined;
  readonly closed: Promise<void>;

  /** What it is called in the trace. */
  readonly #name: string;
  readonly #library: Library;
  readonly #behaviour: Behaviour;
  readonly #trace: Trace;
  readonly #labels: Labels;
  readonly #closed = new Deferred();
  /** What has arrived and was not read. An end or an error stays. */
  readonly #arrived: Arrival[] = [];
  #reading: Deferred<Uint8Array | null> | undefined;
  #writing: Write | undefined;
  #isHolding = false;
  #writeFailure: { readonly error: unknown } | undefined;
  #isWriteClosed = false;
  #hanging: Deferred | undefined;
  #isClosed = false;
  #closeReason: unknown;
  #calls = 0;
  /** What was taken since anything else was told. */
  #taken: { readonly entry: Entry; readonly writes: Uint8Array[] } | undefined;

  constructor(
    name: string,
    library: Library,
    behaviour: Behaviour,
    trace: Trace,
    labels: Labels,
  ) {
    this.#name = name;
    this.#library = library;
    this.#behaviour = behaviour;
    this.#trace = trace;
    this.#labels = labels;
    this.canReset = behaviour.canReset;
    this.closed = this.#closed.promise;
  }

  // What the script does.

  arrive(value: unknown): void {
    this.#arrived.push({ gives: value });
    this.#deliver();
  }

  failRead(failure: Failure, throws: boolean = false): void {
    this.#arrived.push({ error: this.#makeError(failure, "read"), throws });
    this.#deliver();
  }

  failWrite(failure: Failure): void {
    this.#failWriteWith(this.#makeError(failure, "write"));
  }

  /** The peer breaks the connection off: received data comes first. */
  reset(failure: Failure): void {
    const error = this.#makeError(failure, "reset");
    this.#arrived.push({ error, throws: false });
    this.#deliver();
    this.#failWriteWith(error);
    this.#becomeGone();
  }

  /** It is gone, and does not say why. */
  vanish(): void {
    this.arrive(null);
    this.#failWriteWith(this.#closedError());
    this.#becomeGone();
  }

  hold(): void {
    this.#isHolding = true;
  }

  release(): void {
    this.#isHolding = false;
    if (this.#writing !== undefined) this.#take(this.#writing);
  }

  // What the chat does.

  read(): Promise<Uint8Array | null> {
    if (this.#isRunaway()) return new Promise(() => {});
    if (this.#reading !== undefined) this.#noteBreach("read() while another is under way");
    if (this.#isClosed) return Promise.reject(this.#closedError());
    const [first] = this.#arrived;
    if (first !== undefined && "throws" in first && first.throws) throw first.error;
    const reading = this.#reading = new Deferred<Uint8Array | null>();
    if (this.#behaviour.answers === undefined) this.#deliver();
    else void nextTurn().then(() => this.#reading === reading && this.#deliver());
    return reading.promise;
  }

  write(data: Uint8Array): Promise<void> {
    if (this.#isRunaway()) return new Promise(() => {});
    if (this.#writing !== undefined) this.#noteBreach("write() while another is under way");
    if (this.#isWriteClosed) this.#noteBreach("write() after closeWrite()");
    if (this.#isClosed) return Promise.reject(this.#closedError());
    if (this.#writeFailure !== undefined) {
      this.#tellUnderWay(data);
      return Promise.reject(this.#writeFailure.error);
    }
    const write = this.#writing = { data, copy: data.slice(), taken: new Deferred() };
    if (this.#isHolding) return write.taken.promise;
    if (this.#behaviour.answers === undefined) this.#take(write);
    else void nextTurn().then(() => !this.#isHolding && this.#take(write));
    return write.taken.promise;
  }

  closeWrite(): Promise<void> {
    if (this.#writing !== undefined) this.#noteBreach("closeWrite() while a write() is under way");
    if (this.#isWriteClosed) this.#noteBreach("closeWrite() again");
    this.#isWriteClosed = true;
    this.#tell("closeWrite()");
    const { closeWrite } = this.#behaviour;
    if (this.#isClosed) return Promise.reject(this.#closedError());
    switch (closeWrite) {
      case undefined:
        return Promise.resolve();
      case "a turn later":
        return nextTurn();
      case "hangs":
        return (this.#hanging = new Deferred()).promise;
      case "throws":
        throw this.#makeError("plain Error", "closeWrite");
      default:
        return Promise.reject(this.#makeError(closeWrite, "closeWrite"));
    }
  }

  close(reason?: unknown): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#closeReason = reason;
    this.#tell("close()");
    if (reason !== undefined) this.#tell(describeError(reason, this.#labels, false), "reason");
    const error = this.#closedError();
    this.#reading?.reject(error);
    this.#reading = undefined;
    this.#hanging?.reject(error);
    this.#failWriteWith(error);
    const { closed } = this.#behaviour;
    if (closed === "a turn later") void nextTurn().then(() => this.#becomeGone());
    else if (closed !== "never") this.#becomeGone();
  }

  #deliver(): void {
    const [first] = this.#arrived;
    if (this.#reading === undefined || first === undefined) return;
    const reading = this.#reading;
    this.#reading = undefined;
    this.#trace.activity++;
    if ("error" in first) return reading.reject(first.error);
    if (first.gives !== null) this.#arrived.shift();
    reading.resolve(first.gives as Uint8Array | null);
  }

  #take(write: Write): void {
    if (this.#writing !== write) return;
    this.#writing = undefined;
    if (!isEqual(write.copy, write.data)) {
      this.#noteBreach("the bytes changed while they were written");
    }
    this.#noteTaken(write.copy);
    write.taken.resolve();
  }

  #failWriteWith(error: unknown): void {
    this.#writeFailure ??= { error };
    const writing = this.#writing;
    if (writing === undefined) return;
    this.#writing = undefined;
    this.#tellUnderWay(writing.copy);
    writing.taken.reject(error);
  }

  /** Writes that are taken one after the other are told as one. */
  #noteTaken(data: Uint8Array): void {
    this.#trace.activity++;
    if (this.#taken?.entry.turn !== this.#trace.turn) {
      this.#taken = { entry: this.#tell("", "writes"), writes: [] };
    }
    const { entry, writes } = this.#taken;
    writes.push(data);
    entry.what = `takes ${describeValue(concat(writes))}`;
  }

  /** Where writes are cut decides what is under way. */
  #tellUnderWay(data: Uint8Array): void {
    this.#tell(`had been given ${describeValue(data)}`, "underway");
  }

  /** The caller does what no caller may do. */
  #noteBreach(what: string): void {
    this.#tell(`BREACH ${what}`);
  }

  #tell(what: string, aspect?: Aspect): Entry {
    this.#taken = undefined;
    return this.#trace.add(this.#name, what, aspect);
  }

  #isRunaway(): boolean {
    if (++this.#calls === RUNAWAY) this.#noteBreach(`read() and write() ${RUNAWAY} times`);
    return this.#calls >= RUNAWAY;
  }

  #becomeGone(): void {
    this.#trace.activity++;
    if (this.#behaviour.closed === "rejects") {
      this.#closed.reject(this.#makeError("other", "closed"));
    } else this.#closed.resolve();
  }

  #closedError(): Error {
    const reason = this.#closeReason;
    const options = reason === undefined ? undefined : { cause: reason };
    return new this.#library.ClosedError("the scripted connection is closed", options);
  }

  #makeError(failure: Failure, of: string): unknown {
    const error = failure === "a string"
      ? "broken"
      : failure === "plain Error"
      ? new Error("scripted")
      : new this.#library.ConnectionError(failure, "scripted");
    if (typeof error === "object") this.#labels.set(error, `${failure} of ${of}`);
    return error;
  }
}
