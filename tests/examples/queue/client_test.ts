/** The client of a queue server, with servers that say what they like. */
import { test } from "node:test";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { QueueClient, QueueError } from "../../../examples/queue/client.ts";
import { LONGEST_BODY } from "../../../examples/queue/job.ts";
import { Chat, lines, memoryPair, type Terminator } from "../../../mod.ts";
import { text } from "../../support/bytes.ts";
import { dialing } from "../../support/dial.ts";
import { attackDialed } from "../../support/hostile_peers.ts";

/** A client, and the server's end of its connection. */
async function connect(
  maxInFlight = 10,
): Promise<{ readonly client: QueueClient; readonly server: Chat }> {
  const [left, right] = memoryPair();
  const client = await QueueClient.connect({ port: 1, maxInFlight, ...dialing(left) });
  return { client, server: new Chat(right, { terminator: lines(), maxFrameLength: 1_000_000 }) };
}

const read = (chat: Chat, terminator?: Terminator): Promise<string | null> =>
  chat.readText(terminator);

test("QueueClient sends jobs, and tells what has become of each, in whatever order", async () => {
  const { client, server } = await connect();
  const one = await client.submit("upper", "häppy");
  const other = await client.submit("hash", new Uint8Array([10]));
  assertEquals([await read(server), await read(server, 6)], ["JOB 1 upper 6", "häppy"]);
  assertEquals([await read(server), await read(server, 1)], ["JOB 2 hash 1", "\n"]);
  server.push("QUEUED 2\nDONE 2 5\nab\ncd\nQUEUED 1\n\n\nFAILED 1 2\nno");
  const [first, second] = await Promise.all([one.outcome, other.outcome]);
  assertEquals([first.isDone, text(first.data)], [false, "no"]);
  assertEquals([second.isDone, text(second.data)], [true, "ab\ncd"]);
  await Promise.all([one.queued, other.queued]);
  const refused = await client.submit("x", "");
  server.push("FAILED 3 4\nfull");
  assertEquals(text((await refused.outcome).data), "full");
  await assertRejects(() => refused.queued, QueueError, "has not said that it has the job");
  await Promise.all([client.close(), server.closeWhenDone()]);
  await assertRejects(() => client.submit("upper", ""), QueueError, "closed the connection");
});

test("QueueClient has no more jobs under way than it may", async () => {
  const { client, server } = await connect(2);
  let sent = 0;
  const jobs = [1, 2, 3, 4].map(async () => {
    const { outcome } = await client.submit("x", "");
    sent++;
    return outcome;
  });
  for (let id = 1; id <= 4; id++) {
    assertEquals(await read(server), `JOB ${id} x 0`);
    assert(sent <= id + 1, `${sent} were sent`);
    if (id < 2) continue;
    server.push(`QUEUED ${id - 1}\nDONE ${id - 1} 0\n`);
    await jobs[id - 2];
  }
  server.push("DONE 4 0\n");
  await Promise.all([jobs[3], client.close(), server.closeWhenDone()]);
});

test("QueueClient says why nothing is known of a job", async () => {
  const endings: readonly (readonly [(server: Chat) => unknown, string])[] = [
    [(server) => server.push("ERR not this\n"), "the server says: not this"],
    [(server) => server, "the server has closed the connection"],
    [(server) => server.push("DONE 7 1\nx"), 'it speaks of "7", which is not under way'],
    [(server) => server.push("HELLO\n"), '"HELLO", which is no answer'],
    [(server) => server.push("x".repeat(10_000)), "the server was lost"],
    [(server) => server.push("DONE 1 5\nabc"), "the server was lost"],
  ];
  for (const [end, reason] of endings) {
    const { client, server } = await connect(1);
    const { queued, outcome } = await client.submit("x", "");
    const waiting = client.submit("x", "");
    const rejected = [queued, outcome, waiting].map((each) =>
      assertRejects(() => each, QueueError, reason)
    );
    await read(server);
    end(server);
    await Promise.all([server.closeWhenDone(), ...rejected, client.close()]);
  }
});

test("QueueClient refuses what is no job, and goes on", async () => {
  const { client, server } = await connect(1);
  await assertRejects(() => client.submit("two words", ""), RangeError, '"two words"');
  const long = new Uint8Array(LONGEST_BODY + 1);
  await assertRejects(() => client.submit("x", long), RangeError, `${LONGEST_BODY + 1}`);
  await assertRejects(() => QueueClient.connect({ port: 1, maxInFlight: 0 }), RangeError, "not 0");
  const { outcome } = await client.submit("x", "");
  const [, id] = (await read(server))!.match(/^JOB (\d+) x 0$/)!;
  server.push(`DONE ${id} 0\n`);
  assert((await outcome).isDone);
  await Promise.all([client.close(), server.closeWhenDone()]);
});

test("QueueClient survives servers that send nonsense", () =>
  attackDialed(
    [
      "QUEUED 1\nDONE 1 5\nHELLO\nQUEUED 2\nFAILED 2 2\nno\n",
      "QUEUED 1\nQUEUED 2\n\n\nDONE 2 0\n\nDONE 1 300\n" + "x".repeat(300),
      "ERR expected something else\n",
    ],
    QueueError,
    async (dial) => {
      const client = await QueueClient.connect({ port: 1, ...dial });
      const outcomes: Promise<unknown>[] = [];
      for (let i = 0; i < 2; i++) {
        const { outcome } = await client.submit("upper", "hello");
        // Each has its outcome, or an error, in the end.
        outcomes.push(outcome.then(
          ({ data }) => assert(data.length <= LONGEST_BODY),
          (error) => assert(error instanceof QueueError, String(error)),
        ));
      }
      await client.close();
      await Promise.all(outcomes);
    },
  ));
