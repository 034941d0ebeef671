/** The conversation of a client with the server of a queue, over memory. */
import { createHash } from "node:crypto";
import { test } from "node:test";
import {
  assert,
  assertEquals,
  assertLess,
  assertMatch,
  assertRejects,
  assertThrows,
} from "@std/assert";
import { Deferred } from "../../../examples/deferred.ts";
import { type Handler, handlers } from "../../../examples/queue/handlers.ts";
import { Ingest } from "../../../examples/queue/ingest.ts";
import { done, failed, LONGEST_BODY } from "../../../examples/queue/job.ts";
import { MemoryQueue } from "../../../examples/queue/memory_queue.ts";
import { formatJob, LINE, parseAnswer, parseJob } from "../../../examples/queue/protocol.ts";
import { JOBS, serveJobs, type SessionOptions } from "../../../examples/queue/session.ts";
import { Worker } from "../../../examples/queue/worker.ts";
import { Watch } from "../../../examples/watching/watch.ts";
import {
  BackpressureError,
  Chat,
  type Connection,
  Framer,
  MalformedFrameError,
  memoryPair,
} from "../../../mod.ts";
import { bytes, concat, text } from "../../support/bytes.ts";
import { Heard } from "../../support/heard.ts";
import { attack, handledBy } from "../../support/hostile_peers.ts";
import { nextTurn } from "../../support/turn.ts";

test("parseJob() refuses what is no job, and quotes its beginning", () => {
  const job = { id: "a/b:7#".repeat(10), kind: "resize-image.v2_x", length: 1_000 };
  assertEquals(parseJob(bytes(formatJob(job).slice(0, -1)), 1_000), job);
  const noKinds = [
    "JOB 1 up/per 5",
    "JOB  upper 5",
    `JOB ${"1".repeat(65)} upper 5`,
    "JOB ä upper 5",
  ];
  const noLengths = ["JOB 1 upper", "JOB 1 upper 5 6", "JOB 1 upper -5", "JOB 1 upper 5.0"];
  for (const line of [...noKinds, ...noLengths, "job 1 upper 5", "JOB 1 upper 1001"]) {
    assertThrows(() => parseJob(bytes(line), 1_000), MalformedFrameError, "", line);
  }
  const long = bytes("x".repeat(200));
  assertThrows(() => parseJob(long, 1_000), MalformedFrameError, `"${"x".repeat(40)}"`);
  for (const kind of ["", "two words", "a\nb", "x".repeat(33)]) {
    assertThrows(() => formatJob({ id: "1", kind, length: 0 }), RangeError, JSON.stringify(kind));
  }
});

test("parseAnswer() reads what a server says, and nothing else, and no outcome is too long", () => {
  assertEquals(parseAnswer(bytes("DONE a:b 0")), { type: "DONE", id: "a:b", length: 0 });
  assertEquals(parseAnswer(bytes("ERR no, not this")), { type: "ERR", reason: "no, not this" });
  const none = ["", "DONE 1", "QUEUED", "QUEUED 1 2", "OK", `DONE 1 ${LONGEST_BODY + 1}`, "ERR"];
  for (const line of none) {
    assertThrows(() => parseAnswer(bytes(line)), MalformedFrameError, "", line);
  }
  assertEquals(done(new Uint8Array(LONGEST_BODY + 1)).isDone, false);
  assertEquals(failed("x".repeat(5_000)).data.length, 1_000);
});

interface Options extends Partial<SessionOptions> {
  readonly maxDepth?: number;
  readonly maxQueuedBytes?: number;
}

/** A job that ends when it is told to. */
interface Held {
  readonly body: string;
  readonly result: Deferred<Uint8Array>;
}

/** A server with a queue in memory, without its sockets. */
class Bench {
  readonly watch: Watch = new Watch({ log: (line) => this.lines.push(line) });
  readonly lines: string[] = [];
  readonly ingest: Ingest;
  readonly queue: MemoryQueue;
  readonly #worker: Worker;
  readonly #options: Options;
  /** The jobs of the kind `hold` that are under way: each ends when it is told to. */
  readonly #held: Heard<Held> = new Heard();

  private constructor(ingest: Ingest, queue: MemoryQueue, options: Options) {
    this.ingest = ingest;
    this.queue = queue;
    this.#options = options;
    const hold: Handler = (body) => {
      const result = new Deferred<Uint8Array>();
      this.#held.add({ body: text(body), result });
      return result.promise;
    };
    const all = new Map([...handlers, ["hold", hold] as const]);
    this.#worker = new Worker(queue, all, { concurrency: 100 });
  }

  static async open(options: Options = {}): Promise<Bench> {
    let queue!: MemoryQueue;
    const { registry } = new Watch();
    const ingest = await Ingest.open(
      { maxDepth: options.maxDepth ?? 1_000, registry },
      (listener) => queue = new MemoryQueue(listener),
    );
    return new Bench(ingest, queue, options);
  }

  /** Serves a connection to its end. */
  serve(connection: Connection): Promise<unknown> {
    const { maxQueuedBytes = 1_000_000, maxInFlight = 100, maxJob = LONGEST_BODY } = this.#options;
    return handledBy((each) => new Chat(each, { ...JOBS, maxQueuedBytes }), (chat) => {
      this.watch.begin(chat, "client");
      return serveJobs(chat, this.ingest, this.watch, { maxInFlight, maxJob });
    })(connection);
  }

  /** A client, and the promise of its end at the server. */
  connect(): { chat: Chat; served: Promise<unknown> } {
    const [left, right] = memoryPair();
    const served = this.serve(left);
    served.catch(() => {});
    return { chat: new Chat(right, { terminator: LINE, maxFrameLength: 1_000_000 }), served };
  }

  get held(): readonly Held[] {
    return this.#held.items;
  }

  /** Resolves when so many jobs are held. */
  async holds(count: number): Promise<void> {
    await this.#held.take(count);
  }

  /** Resolves when the queue is empty. */
  async emptied(): Promise<void> {
    while (this.queue.depth > 0) {
      await new Promise<void>((resolve) => this.ingest.whenRoom(resolve));
    }
  }

  /** The value of a number that is shown. */
  async number(name: keyof Ingest["counts"]): Promise<number> {
    return (await this.ingest.counts[name].get()).values[0]!.value;
  }

  stop(): Promise<void> {
    return this.#worker.stop(0);
  }
}

/** All that the server says, to the end. */
async function hear(chat: Chat): Promise<string> {
  const pieces: Uint8Array[] = [];
  chat.terminator = null;
  for await (const piece of chat) pieces.push(piece);
  return text(concat(pieces));
}

/** What a client that has sent all hears. */
async function converse(bench: Bench, input: string | Uint8Array): Promise<string> {
  const { chat, served } = bench.connect();
  chat.push(input);
  chat.closeWrite();
  const heard = await hear(chat);
  await Promise.all([served, chat.closeWhenDone()]);
  return heard;
}

test("a session says that a job is queued, and then its result, also when the client has sent all", async () => {
  const bench = await Bench.open();
  const hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
  const jobs: readonly (readonly [kind: string, body: string, isDone: boolean, result: RegExp])[] =
    [
      ["upper", "häppy", true, /^HÄPPY$/],
      ["reverse", "añb😀", true, /^😀bña$/],
      ["reverse", "", true, /^$/],
      ["sha256", "abc", true, new RegExp(`^${hash}$`)],
      ["sleep", "0", true, /^slept for 0 ms$/],
      ["sleep", "long", false, /"long"$/],
      ["sleep", "3600001", false, /"3600001"$/],
      ["fail", "because", false, /^because$/],
      ["paint", "", false, /^no worker knows how to do paint/],
      ["toString", "", false, /^no worker knows/],
    ];
  for (const [kind, body, isDone, result] of jobs) {
    const said = await converse(bench, `JOB a ${kind} ${bytes(body).length}\n${body}`);
    const [, what, length, data] = said.match(/^QUEUED a\n(\w+) a (\d+)\n(.*)\n$/)!;
    assertEquals([what, Number(length)], [isDone ? "DONE" : "FAILED", bytes(data!).length]);
    assertMatch(data!, result);
  }
  assertEquals(
    await converse(bench, "\r\n\nJOB 1 fail 2\r\nno\n\n"),
    "QUEUED 1\nFAILED 1 2\nno\n",
  );
  assertEquals(await converse(bench, ""), "");
  assertEquals([bench.queue.depth, bench.queue.bytes], [0, 0]);
  await bench.stop();
});

test("a session carries bodies of any bytes", async () => {
  const bench = await Bench.open();
  const all = concat([bytes("JOB 2 upper 3\n"), Uint8Array.from({ length: 256 }, (_, i) => i)]);
  const bodies = [all, new Uint8Array(LONGEST_BODY).fill(10)];
  const input = bodies.map((body, i) => concat([bytes(`JOB ${i} sha256 ${body.length}\n`), body]));
  const said = await converse(bench, concat(input));
  for (const [i, body] of bodies.entries()) {
    const hash = createHash("sha256").update(body).digest("hex");
    assert(said.includes(`DONE ${i} 64\n${hash}\n`), said);
  }
  await bench.stop();
});

test("a session answers in the order in which jobs end, each after it was queued", async () => {
  const bench = await Bench.open();
  const { chat, served } = bench.connect();
  chat.push("JOB 1 hold 1\naJOB 2 hold 1\nbJOB 3 hold 1\nc");
  const line = (): Promise<string | null> => chat.readText();
  for (const id of [1, 2, 3]) assertEquals(await line(), `QUEUED ${id}`);
  await bench.holds(3);
  for (const at of [1, 2, 0]) {
    const { body, result } = bench.held[at]!;
    result.resolve(bytes(body.repeat(3)));
    assertEquals(await line(), `DONE ${at + 1} 3`);
    assertEquals(await line(), body.repeat(3));
  }
  await Promise.all([chat.closeWhenDone(), served]);
  await bench.stop();
});

test("a session says what is wrong with what is no job, and answers what is under way before it ends", async () => {
  const bench = await Bench.open({ maxJob: 10 });
  const wrong: readonly (readonly [input: string, complaint: RegExp])[] = [
    ["hello\n", /^ERR [^\n]*"hello"\n$/],
    ["JOB 1 upper 11\n", /^ERR [^\n]*10 bytes, not 11\n$/],
    ["x".repeat(10_000), /^ERR [^\n]*256 bytes\n$/],
    ["JOB 1 upper 5\nhel", /^ERR [^\n]+\n$/],
    ["JOB 1 upper", /^ERR [^\n]+\n$/],
  ];
  for (const [input, complaint] of wrong) assertMatch(await converse(bench, input), complaint);

  const { chat, served } = bench.connect();
  chat.push("JOB 7 hold 1\nxJOB 7 hold 1\nxJOB 8 upper 1\ny");
  const said = [await chat.readText(), await chat.readText()].sort();
  assertEquals(said, ['ERR a job of the name "7" is under way', "QUEUED 7"]);
  await bench.holds(1);
  bench.held[0]!.result.resolve(bytes("late"));
  assertEquals(await hear(chat), "DONE 7 4\nlate\n"); // what came behind the error is not read
  await Promise.all([served, chat.closeWhenDone()]);
  await bench.stop();
});

test("a session reads no more of a client that has too much under way, until something has ended", async () => {
  const bench = await Bench.open({ maxInFlight: 2 });
  const { chat, served } = bench.connect();
  for (let id = 0; id < 10; id++) chat.push(`JOB ${id} hold 1\nx`);
  for (let ended = 0; ended < 10; ended++) {
    const most = Math.min(10, ended + 2);
    await bench.holds(most);
    assertEquals(bench.held.length, most);
    const next = ended === 0 ? ["QUEUED 0", "QUEUED 1"] : ended < 9 ? [`QUEUED ${ended + 1}`] : [];
    for (const line of next) assertEquals(await chat.readText(), line);
    bench.held[ended]!.result.resolve(bytes("y"));
    assertEquals(await chat.readText(), `DONE ${ended} 1`);
    assertEquals(await chat.readText(), "y");
  }
  await Promise.all([chat.closeWhenDone(), served]);
  await bench.stop();
});

test("a session reads no more while the queue is full, whoever has filled it", async () => {
  const bench = await Bench.open({ maxDepth: 4 });
  const [one, other] = [bench.connect(), bench.connect()];
  for (let id = 0; id < 4; id++) one.chat.push(`JOB ${id} hold 1\nx`);
  await bench.holds(4);
  other.chat.push("JOB a hold 1\nyJOB b hold 1\nz");
  const queued = other.chat.readText();
  assert(bench.ingest.isFull);
  // The queue is emptied by one, which lets the other client in: it is full again then.
  bench.held[0]!.result.resolve(bytes("done"));
  assertEquals(await queued, "QUEUED a");
  await bench.holds(5);
  assertEquals(bench.held.map(({ body }) => body), ["x", "x", "x", "x", "y"]);
  for (const { result } of bench.held) result.resolve(bytes(""));
  await bench.holds(6);
  bench.held[5]!.result.resolve(bytes(""));
  one.chat.closeWrite();
  other.chat.closeWrite();
  await Promise.all([hear(one.chat), hear(other.chat)]);
  assertEquals(await bench.number("done"), 6);
  await Promise.all([one, other].flatMap(({ chat, served }) => [chat.closeWhenDone(), served]));
  await bench.stop();
});

test("a client that does not read is cut, which is said and counted, and keeps nobody waiting", async () => {
  const bench = await Bench.open({ maxQueuedBytes: 300_000 });
  const deaf = bench.connect();
  const body = "x".repeat(LONGEST_BODY);
  for (let id = 0; id < 3; id++) deaf.chat.push(`JOB ${id} hold ${body.length}\n`, body);
  await bench.holds(3);
  for (const { body, result } of bench.held) result.resolve(bytes(body));
  await assertRejects(() => deaf.served, BackpressureError);
  await nextTurn(); // its connection is gone
  assertMatch(bench.lines.at(-1)!, /^client {2}ends: .*300000/);
  assertMatch(await bench.watch.registry.metrics(), /^slow_readers_cut_total 1$/m);
  assertEquals(await converse(bench, "JOB 1 upper 1\nx"), "QUEUED 1\nDONE 1 1\nX\n");
  deaf.chat.close();
  await bench.stop();
});

test("a client that is gone before its results keeps nothing: jobs are done, and their results counted", async () => {
  const bench = await Bench.open();
  const { chat, served } = bench.connect();
  chat.push("JOB 1 hold 1\nxJOB 2 hold 1\ny");
  await bench.holds(2);
  chat.close();
  bench.held[0]!.result.resolve(bytes("nobody"));
  await served.catch(() => {}); // the first result finds nobody, and the second is not waited for
  bench.held[1]!.result.resolve(bytes("nobody"));
  await bench.emptied();
  assertEquals([await bench.number("done"), await bench.number("undelivered")], [2, 1]);
  await bench.stop();
});

test("a session says why the queue has not taken a job", async () => {
  const bench = await Bench.open();
  await bench.stop();
  const said = await converse(bench, "JOB 1 upper 1\nx");
  assertEquals(said, "FAILED 1 41\nthe server was stopped before it was done\n");
  assertEquals([await bench.number("refused"), await bench.number("accepted")], [1, 0]);
});

test("the first outcome of a job counts, and others are counted", async () => {
  const bench = await Bench.open();
  const outcomes: string[] = [];
  const queued = bench.ingest.submit("hold", bytes(""), ({ data }) => outcomes.push(text(data)));
  await queued;
  for (const each of ["first", "second"]) {
    bench.ingest.onOutcome("1", { isDone: true, data: bytes(each) }, 2);
  }
  assertEquals([outcomes, await bench.number("unexpected"), await bench.number("retried")], [
    ["first"],
    1,
    1,
  ]);
  await bench.stop();
});

test("the server of a queue survives clients that send nonsense", async () => {
  const bench = await Bench.open({ maxInFlight: 3, maxDepth: 200, maxJob: 1_000 });
  await attack({
    serve: (connection) => bench.serve(connection),
    samples: [
      "JOB 1 upper 5\nhelloJOB 2 reverse 3\nabc\nJOB 3 sha256 0\n\nJOB 4 fail 2\nno",
      `JOB a-b upper 300\n${"x".repeat(300)}JOB a-b sleep 1\n0\nJOB c bake 1\ny`,
      "JOB 1 upper 1000\r\n" + "JOB 2 upper 3\nabc".repeat(70),
    ],
    checkAnswer(answer) {
      const framer = new Framer({ terminator: LINE, maxFrameLength: 2_000, incomplete: "drop" });
      framer.push(answer);
      framer.end();
      for (let line = framer.next(); line !== undefined; line = framer.next()) {
        if (line.length === 0) continue;
        const said = parseAnswer(line);
        if (said.type !== "DONE" && said.type !== "FAILED") continue;
        if (framer.next(said.length) === undefined) break; // it was cut off there
      }
    },
  });
  assertLess(0, await bench.number("done"));
  assertLess(0, await bench.number("failed"));
  await bench.emptied();
  assertEquals([bench.queue.depth, bench.queue.bytes], [0, 0]);
  await bench.stop();
});
