/** The SMTP session, line by line, and mail data, byte by byte. */
import { test } from "node:test";
import { assert, assertEquals, assertMatch, assertStrictEquals } from "@std/assert";
import fc from "fast-check";
import { readMail } from "../../../examples/smtp/mail_data.ts";
import type { Delivery, Store } from "../../../examples/smtp/mailbox_folder.ts";
import { parsePath } from "../../../examples/smtp/path.ts";
import { type Mail, serveSmtp, SMTP, type SmtpOptions } from "../../../examples/smtp/session.ts";
import {
  Chat,
  ChatError,
  connect,
  type Connection,
  ConnectionError,
  memoryPair,
  serve,
} from "../../../mod.ts";
import { tls as overTls } from "../../../src/tls/mod.ts";
import { concat, text } from "../../support/bytes.ts";
import { Authority } from "../../support/certificates.ts";
import { attack, handledBy } from "../../support/hostile_peers.ts";

/** Keeps mails in memory. */
class Memory implements Store {
  readonly mails: Uint8Array[] = [];
  aborted = 0;

  begin(): Promise<Delivery> {
    const pieces: Uint8Array[] = [];
    return Promise.resolve({
      write: (piece) => Promise.resolve(void pieces.push(piece)),
      commit: () => Promise.resolve(`mail${this.mails.push(concat(pieces))}`),
      abort: () => Promise.resolve(void this.aborted++),
    });
  }
}

const newChat = (connection: Connection): Chat => new Chat(connection, SMTP);
const BASE = { domain: "mx.test", maxSize: 1_000 };

interface Heard {
  readonly replies: readonly string[];
  readonly mails: readonly string[];
  readonly store: Memory;
  readonly told: readonly Mail[];
}

/** What a client is answered that says all this at once. */
async function answersTo(
  input: string | Uint8Array,
  options: Partial<SmtpOptions> = {},
): Promise<Heard> {
  const store = new Memory();
  const told: Mail[] = [];
  const [left, right] = memoryPair();
  const onMail = (mail: Mail): void => void told.push(mail);
  const served = handledBy(
    newChat,
    (chat) => serveSmtp(chat, { ...BASE, store, onMail, ...options }),
  )(left);
  const client = new Chat(right, { terminator: "\r\n", encoding: "utf-8" });
  client.push(input);
  client.closeWrite();
  const replies: string[] = [];
  for await (const line of client) replies.push(line);
  await Promise.all([client.closeWhenDone(), served.catch(() => {})]);
  assertStrictEquals(replies.shift(), "220 mx.test ESMTP");
  return { replies, mails: store.mails.map((mail) => text(mail)), store, told };
}

const codes = ({ replies }: Heard): number[] =>
  replies.filter((line) => line[3] === " ").map((line) => Number(line.slice(0, 3)));
const lines = (...all: string[]): string => all.map((line) => `${line}\r\n`).join("");
const HELLO = ["EHLO client.test", "MAIL FROM:<a@x.test>", "RCPT TO:<b@y.test>"];

test("a mail is received, its dots unstuffed, and then come commands again", async () => {
  const heard = await answersTo(lines(
    ...HELLO,
    "RCPT TO:<c@y.test>",
    "DATA",
    "Subject: x",
    "",
    "..dotted",
    "...",
    ". ",
    ".",
    "NOOP",
    "MAIL FROM:<>",
    "RCPT TO:<Postmaster>",
    "DATA",
    ".",
    "QUIT",
  ));
  assertEquals(codes(heard), [250, 250, 250, 250, 354, 250, 250, 250, 250, 354, 250, 221]);
  assertEquals(heard.mails, ["Subject: x\r\n\r\n.dotted\r\n..\r\n \r\n", ""]);
  assertEquals(heard.told.map(({ from, to, size }) => [from, to, size]), [
    ["a@x.test", ["b@y.test", "c@y.test"], 30],
    ["", ["Postmaster"], 0],
  ]);
  assertEquals(heard.replies.slice(0, 5), [
    "250-mx.test greets client.test",
    "250-PIPELINING",
    "250-SIZE 1000",
    "250-8BITMIME",
    "250 SMTPUTF8",
  ]);
});

test("each command is answered by the state that it comes in", async () => {
  const conversations: readonly (readonly [input: string[], codes: string])[] = [
    [["MAIL FROM:<a@x>"], "503"],
    [["EHLO a", "RCPT TO:<a@x>", "DATA"], "250 503 503"],
    [["HELO a", "MAIL FROM:<a@x>", "DATA", "MAIL FROM:<b@x>"], "250 250 554 503"],
    [["EHLO a", "MAIL FROM:<a@x>", "RSET", "RCPT TO:<a@x>"], "250 250 250 503"],
    [["EHLO a", "MAIL FROM:<a@x>", "EHLO a", "RCPT TO:<a@x>"], "250 250 250 503"],
    [["ehlo a", "mail from:<a@x> SIZE=10 BODY=8BITMIME SMTPUTF8", "rcpt to:<ä@x>"], "250 250 250"],
    [["EHLO", "HELO", "EHLO a b"], "501 501 501"],
    [["EHLO a", "MAIL", "MAIL FROM:a@x", "MAIL FROM:<a>", "MAIL FROM:<a@x"], "250 501 501 501 501"],
    [["EHLO a", "MAIL FROM:<a@x> SIZE=1001", "MAIL FROM:<a@x> SIZE=x"], "250 552 555"],
    [["EHLO a", "MAIL FROM:<a@x> A=B", "MAIL FROM:<a@x>", "RCPT TO:<>"], "250 555 250 501"],
    [["EHLO a", "MAIL FROM:<a@x>", "RCPT TO:<b@x> A=B"], "250 250 555"],
    [["DATA x", "RSET x", "QUIT x", "STARTTLS x"], "501 501 501 501"],
    [["STARTTLS", "VRFY a", "HELP", "EXPN a", "BOGUS"], "502 252 214 502 500"],
    [["", " ", "QUIT", "NOOP"], "500 500 221"],
    [["\ufeffNOOP", "NOOP"], "500 250"],
    [["NOOP\tx", "NOOP \0", "NO-OP"], "500 500 500"],
    [[`NOOP ${"x".repeat(3_000)}`, "NOOP"], "500 250"],
    [["MAIL FROM:<a@x>\nRCPT TO:<b@x>", "NOOP"], "500 250"],
  ];
  for (const [input, expected] of conversations) {
    assertEquals(codes(await answersTo(lines(...input))).join(" "), expected, input.join("|"));
  }
  const many = Array.from({ length: 102 }, (_, i) => `RCPT TO:<a${i}@x>`);
  const recipients = codes(await answersTo(lines("EHLO a", "MAIL FROM:<a@x>", ...many)));
  assertEquals(recipients.slice(-3), [250, 452, 452]);
  const errors = codes(await answersTo(lines(...Array.from({ length: 30 }, () => "BOGUS"))));
  assertEquals([errors.length, errors.at(-1)], [22, 421]);
});

test("a mail that is too large is read to its end, and refused", async () => {
  const body = Array.from({ length: 100 }, () => "x".repeat(50));
  const heard = await answersTo(lines(...HELLO, "DATA", ...body, ".", "NOOP"));
  assertEquals([codes(heard).slice(-2), heard.mails, heard.store.aborted], [[552, 250], [], 1]);
  const long = await answersTo(lines(...HELLO, "DATA", "x".repeat(100_000), "."));
  assertEquals([codes(long).at(-1), long.mails, long.store.aborted], [500, [], 1]);
});

test("a mail that the store cannot keep is read to its end, and the sender is told to try later", async () => {
  const full = new Error("no space left on device");
  const failing = (at: "begin" | "write" | "commit"): Store => ({
    begin: () =>
      at === "begin" ? Promise.reject(full) : Promise.resolve({
        write: () => at === "write" ? Promise.reject(full) : Promise.resolve(),
        commit: () => at === "commit" ? Promise.reject(full) : Promise.resolve("mail"),
        abort: () => Promise.resolve(),
      }),
  });
  for (const at of ["begin", "write", "commit"] as const) {
    const told: unknown[] = [];
    const options = { store: failing(at), onError: (error: unknown) => told.push(error) };
    const mail = at === "begin" ? [] : ["x", "y".repeat(500), "."];
    const heard = await answersTo(lines(...HELLO, "DATA", ...mail, "NOOP"), options);
    const expected = at === "begin" ? [451, 250] : [354, 451, 250];
    assertEquals([codes(heard).slice(3), told], [expected, [full]], at);
  }
});

test("a client that hangs up in the middle of a mail leaves none", async () => {
  for (const end of ["half a line", "a line\r\n", "a line\r\n.", "a line\r\n.\r"]) {
    const heard = await answersTo(lines(...HELLO, "DATA") + end);
    assertEquals([heard.mails, heard.store.aborted], [[], 1], JSON.stringify(end));
  }
});

test("mail that could be read as two is refused, and the rest is not read", async () => {
  const smuggled = "\r\nMAIL FROM:<evil@x>\r\nRCPT TO:<b@x>\r\nDATA\r\nevil\r\n.\r\nQUIT\r\n";
  const ends = ["\n.\n", "\n.\r\n", "\r\n.\n", "\r.\r", "\r\n.\r", "\r.\r\n", "\n.\r"];
  for (const end of [...ends, "\0\n.\r\n", "\r\r\n.\r\n"]) {
    const heard = await answersTo(lines(...HELLO, "DATA") + `innocent${end}${smuggled}`);
    const seen = [codes(heard).at(-1), heard.mails, heard.store.aborted];
    assertEquals(seen, [554, [], 1], JSON.stringify(end));
  }
});

test("a client that is silent is sent away", async () => {
  const store = new Memory();
  const [left, right] = memoryPair();
  const client = new Chat(right, { terminator: "\r\n", encoding: "utf-8" });
  const served = handledBy(newChat, (chat) => serveSmtp(chat, { ...BASE, store, timeout: 20 }))(
    left,
  );
  assertEquals(await client.read(), "220 mx.test ESMTP");
  assertEquals(await client.read(), "421 you were silent for too long");
  await Promise.all([client.closeWhenDone(), served]);
});

test("what a mail says, its reader gets", async () => {
  const word = fc.array(fc.constantFrom(..."..a b\0ä"), { maxLength: 6 });
  await fc.assert(fc.asyncProperty(fc.array(word, { maxLength: 8 }), async (words) => {
    const mail = words.map((all) => `${all.join("")}\r\n`);
    const [left, right] = memoryPair();
    const chat = newChat(left);
    const client = new Chat(right, { terminator: null });
    client.push(mail.join("").replace(/^\./gm, ".."), ".\r\nNEXT\r\n");
    const pieces: Uint8Array[] = [];
    for await (const piece of readMail(chat)) pieces.push(piece);
    assertEquals([text(concat(pieces)), await chat.readText()], [mail.join(""), "NEXT"]);
    chat.close();
  }));
});

test("parsePath() reads addresses, and refuses what is none", () => {
  const good: readonly (readonly [string, string])[] = [
    ["FROM:<a@x.test>", "a@x.test"],
    ["from: <a.b+c@x.test>", "a.b+c@x.test"],
    ["FROM:<>", ""],
    ['FROM:<"a b\\"c"@x>', '"a b\\"c"@x'],
    ["FROM:<@r.test,@s.test:a@x>", "a@x"],
    ["FROM:<a@[127.0.0.1]>", "a@[127.0.0.1]"],
    ["FROM:<a@[IPv6:::1]>", "a@[IPv6:::1]"],
    ["FROM:<häppy@käse.test>", "häppy@käse.test"],
  ];
  for (const [words, address] of good) {
    assertEquals(parsePath("FROM", words)?.address, address, words);
  }
  const { parameters } = parsePath("FROM", "FROM:<a@x> size=5 Smtputf8")!;
  assertEquals([...parameters], [["SIZE", "5"], ["SMTPUTF8", ""]]);
  const wrong = [
    ..."a@x|<a@x>|TO:<a@x>|FROM:<a@x|FROM:a@x>|FROM:<<a@x>>|FROM:<a b@x>|FROM:<a@x>x".split("|"),
    ..."FROM:<@x>|FROM:<a@>|FROM:<a@-x>|FROM:<a@x..y>|FROM:<.a@x>|FROM:<a..b@x>".split("|"),
    ...["FROM:<a@x> =1", 'FROM:<"a@x>', `FROM:<a@${"x.".repeat(130)}y>`],
    `FROM:<${"a".repeat(65)}@x>`,
  ];
  for (const words of wrong) assertEquals(parsePath("FROM", words), undefined, words);
  assertEquals(parsePath("TO", "TO:<>"), undefined);
});

test("STARTTLS forgets what was said before it, and refuses what was sent before it for after it", async () => {
  const authority = new Authority();
  const tls = authority.sign("DNS:mx.test");
  const store = new Memory();
  const failures: unknown[] = [];
  const server = await serve(
    { port: 0, ...SMTP, onError: (error) => failures.push(error) },
    (chat) => serveSmtp(chat, { ...BASE, store, tls }),
  );
  const open = async (): Promise<Chat<string>> => {
    const chat = await connect({ port: server.address.port, ...SMTP, encoding: "utf-8" });
    await chat.read();
    return chat;
  };
  const ask = async (chat: Chat<string>, line: string): Promise<string> => {
    chat.push(`${line}\r\n`);
    for (;;) {
      const reply = await chat.read();
      if (reply === null || reply[3] === " ") return reply ?? "";
    }
  };
  const polite = await open();
  assertMatch(await ask(polite, "STARTTLS"), /^503/);
  assertEquals(await ask(polite, "EHLO a"), "250 STARTTLS");
  await ask(polite, "MAIL FROM:<a@x>");
  assertMatch(await ask(polite, "STARTTLS"), /^220/);
  await polite.upgrade(overTls({ ca: authority.ca, servername: "mx.test" }));
  assertMatch(await ask(polite, "RCPT TO:<a@x>"), /^503/);
  assertMatch(await ask(polite, "MAIL FROM:<a@x>"), /^503/);
  assertEquals(await ask(polite, "EHLO a"), "250 SMTPUTF8");
  assertMatch(await ask(polite, "STARTTLS"), /^503/);
  assertMatch(await ask(polite, "QUIT"), /^221/);
  await polite.closeWhenDone();

  const injector = await open();
  await ask(injector, "EHLO a");
  injector.push("STARTTLS\r\nRSET\r\nMAIL FROM:<evil@x>\r\n");
  assertMatch((await injector.read())!, /^220/);
  assertStrictEquals(await injector.read().catch(() => null), null);
  injector.close();
  await server.shutdown();
  assertEquals(failures.length, 1);
  assert(failures[0] instanceof ConnectionError && failures[0].code === "tls", String(failures[0]));
});

test("the SMTP session survives clients that send nonsense", async () => {
  const store = new Memory();
  await attack({
    serve: handledBy(newChat, (chat) =>
      serveSmtp(chat, { ...BASE, store }).catch((error) => {
        assert(
          error instanceof ChatError || error.message.includes("in the middle"),
          String(error),
        );
      })),
    samples: [
      lines(...HELLO, "DATA", "Subject: x", "", "..hello", ".", "QUIT"),
      lines(
        "HELO a",
        "MAIL FROM:<a@x> SIZE=100",
        "RCPT TO:<b@x>",
        "RCPT TO:<c@x>",
        "DATA",
        "x".repeat(300),
        ".",
      ),
      lines("EHLO a", "NOOP", "RSET", "VRFY b", "HELP", "STARTTLS", "BOGUS", "QUIT"),
    ],
    checkAnswer(answer) {
      const said = new TextDecoder().decode(answer);
      const whole = said.slice(0, said.includes("\r\n") ? said.lastIndexOf("\r\n") + 2 : 0);
      assert(/^([2345]\d\d[ -][^\r\n]*\r\n)*$/.test(whole), said);
    },
  });
});
