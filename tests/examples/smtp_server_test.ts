/** The SMTP server as a program, with mail programs that nobody here wrote. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createConnection } from "node:net";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { assert, assertEquals, assertMatch, assertRejects, assertStrictEquals } from "@std/assert";
import { createTransport } from "nodemailer";
import { Authority } from "../support/certificates.ts";
import { named, needs } from "../support/peers.ts";
import { CURRENT, permitted, Program, run } from "../support/programs.ts";
import { shellOutput } from "../support/shell.ts";

interface Served {
  readonly port: number;
  /** Where things of the test lie; `ca.pem` is there. */
  readonly folder: string;
  readonly program: Program;
  /** The mails that were kept. */
  mails(): string[];
}

const authority = new Authority();
const own = authority.sign("DNS:mx.test,DNS:localhost,IP:127.0.0.1");
const PERMISSIONS = ["--allow-read", "--allow-write"];

async function withServer(
  work: (served: Served) => Promise<void>,
  ...args: string[]
): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "asynchat-"));
  const kept = mkdtempSync(join(folder, "kept-"));
  try {
    writeFileSync(join(folder, "ca.pem"), authority.ca as string);
    for (const name of ["cert", "key"] as const) {
      writeFileSync(join(folder, `${name}.pem`), own[name] as string);
    }
    const tls = ["--cert", join(folder, "cert.pem"), "--key", join(folder, "key.pem")];
    const options = ["--port", "0", "--folder", kept, "--domain", "mx.test", ...tls, ...args];
    await using program = new Program(
      permitted(PERMISSIONS, CURRENT, "examples/smtp_server.ts", ...options),
    );
    const mails = (): string[] => {
      const names = readdirSync(kept);
      assert(names.every((name) => name.endsWith(".eml")), names.join());
      return names.map((name) => readFileSync(join(kept, name), "latin1")).sort();
    };
    await work({ port: await program.listening(), folder, program, mails });
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const swaks = needs("swaks", "swaks --support | grep 'TLS.*supported'");
test(
  named("swaks sends mail, in clear and encrypted, with attachments, and in a pipeline", swaks),
  swaks,
  () =>
    withServer(async ({ port, folder, program, mails }) => {
      const to =
        `swaks --server 127.0.0.1:${port} --from a@x.test --to b@y.test,c@y.test --timeout 20`;
      const data = "Subject: hello\n\n.a line with a dot\n..two\n.\nend\n";
      writeFileSync(join(folder, "mail"), data);
      const body = `${data.replaceAll("\n", "\r\n")}`;
      await shellOutput(`${to} --data - < ${join(folder, "mail")}`);
      await shellOutput(`${to} --pipeline --data - < ${join(folder, "mail")}`);
      const tls = `--tls --tls-ca-path ${join(folder, "ca.pem")} --tls-verify`;
      assertMatch(
        await shellOutput(`${to} ${tls} --data - < ${join(folder, "mail")}`),
        /TLS started with cipher/,
      );
      const kept = mails();
      assertEquals(kept.map((mail) => mail.trimEnd()), Array(3).fill(body.trimEnd()));
      await program.line(/from <a@x\.test> to <b@y\.test> <c@y\.test> {2}\d+ bytes, encrypted$/);
      await program.line(/bytes, in clear$/);
      const attached = join(folder, "attached");
      writeFileSync(attached, Uint8Array.from({ length: 200_000 }, (_, i) => i * 7));
      await shellOutput(`${to} --attach @${attached}`);
      assert(mails().some((mail) => mail.length > 250_000));
    }),
);

const python = needs("/usr/bin/python3");
test(
  named("Python's smtplib sends mail that arrives byte for byte, in clear and by STARTTLS", python),
  python,
  () =>
    withServer(async ({ port, folder, mails }) => {
      const script = `import smtplib, ssl
bodies = [b"Subject: 1\\r\\n\\r\\n.\\r\\n..\\r\\n.x\\r\\n", b"Subject: 2\\r\\n\\r\\nh\\xe4ppy \\xff\\x00\\r\\n", b"x" * 70 + b"\\r\\n"]
bodies.append(b"Subject: 3\\r\\n\\r\\n" + (b"." * 76 + b"\\r\\n") * 100000)
context = ssl.create_default_context(cafile="${join(folder, "ca.pem")}")
for encrypted in (False, True):
    with smtplib.SMTP("localhost", ${port}, timeout=20) as s:
        if encrypted: s.starttls(context=context)
        for body in bodies: assert s.sendmail("a@x.test", ["b@y.test"], body, ["BODY=8BITMIME"]) == {}
        try: s.sendmail("a@x.test", ["b@y.test"], b"y\\r\\n" * 9000000); assert False
        except (smtplib.SMTPSenderRefused, smtplib.SMTPDataError) as error: assert error.smtp_code == 552, error
try: smtplib.SMTP("127.0.0.2" if False else "localhost", ${port}, timeout=20).starttls(context=ssl.create_default_context()); assert False
except ssl.SSLCertVerificationError: print("fine")`;
      writeFileSync(join(folder, "send.py"), script);
      assertEquals(await shellOutput(`/usr/bin/python3 ${join(folder, "send.py")}`), "fine\n");
      const large = `Subject: 3\r\n\r\n${`${".".repeat(76)}\r\n`.repeat(100_000)}`;
      const sent = [
        "Subject: 1\r\n\r\n.\r\n..\r\n.x\r\n",
        "Subject: 2\r\n\r\nh\xe4ppy \xff\x00\r\n",
        `${"x".repeat(70)}\r\n`,
        large,
      ];
      assertEquals(
        mails().map((mail) => mail.length),
        [...sent, ...sent].sort().map((mail) => mail.length),
      );
      assert(mails().join("") === [...sent, ...sent].sort().join(""));
    }),
);

test("nodemailer sends mail by STARTTLS, several over one connection, and through a pool", () =>
  withServer(async ({ port, mails }) => {
    const tls = { ca: authority.ca as string, servername: "mx.test" };
    const transport = createTransport({
      host: "127.0.0.1",
      port,
      requireTLS: true,
      tls,
      pool: true,
      maxConnections: 3,
    });
    const send = (i: number): Promise<unknown> =>
      transport.sendMail({
        from: "a@x.test",
        to: "b@y.test",
        subject: `mail ${i}`,
        text: `.dot\nhäppy ${i}`,
      });
    await Promise.all(Array.from({ length: 20 }, (_, i) => send(i)));
    transport.close();
    const kept = mails();
    assertStrictEquals(kept.length, 20);
    for (let i = 0; i < 20; i++) {
      assert(kept.some((mail) => mail.includes(`Subject: mail ${i}\r\n`)));
    }
    const distrustful = createTransport({ host: "127.0.0.1", port, requireTLS: true });
    await assertRejects(
      () => distrustful.sendMail({ from: "a@x.test", to: "b@y.test", text: "x" }),
      Error,
    );
    distrustful.close();
  }));

const openssl = needs("openssl");
test(
  named("openssl s_client talks to the SMTP server after STARTTLS", openssl),
  openssl,
  () =>
    withServer(async ({ port, folder }) => {
      const heard = await shellOutput(
        `printf 'NOOP\\nQUIT\\n' | openssl s_client -starttls smtp -connect 127.0.0.1:${port} ` +
          `-CAfile ${
            join(folder, "ca.pem")
          } -verify_return_error -crlf -quiet -ign_eof 2>/dev/null`,
      );
      assertMatch(heard, /250 fine\r\n221 mx\.test goodbye/);
    }),
);

test("the SMTP server goes on when clients vanish in the middle of a mail, keeps none of it, and stops at Ctrl-C", () =>
  withServer(async ({ port, program, mails }) => {
    for (let i = 0; i < 10; i++) {
      const socket = createConnection(port, "127.0.0.1");
      await once(socket, "data");
      socket.write("EHLO a\r\nMAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nDATA\r\nhalf of a mail\r\n.");
      while (!String((await once(socket, "data"))[0]).includes("354"));
      socket.resetAndDestroy();
    }
    const transport = createTransport({ host: "127.0.0.1", port, ignoreTLS: true });
    await transport.sendMail({ from: "a@x.test", to: "b@y.test", text: "still here" });
    transport.close();
    const { code, lines, stderr } = await program.interrupt();
    assertEquals([code, lines.at(-1), stderr], [0, "stopped", ""]);
    assertEquals(mails().length, 1);
  }));

test("the SMTP server makes the folder that it is given", async () => {
  const folder = mkdtempSync(join(tmpdir(), "asynchat-"));
  try {
    const kept = join(folder, "new", "mail");
    await using program = new Program(
      permitted(PERMISSIONS, CURRENT, "examples/smtp_server.ts", "--port", "0", "--folder", kept),
    );
    const transport = createTransport({ host: "127.0.0.1", port: await program.listening() });
    await transport.sendMail({ from: "a@x.test", to: "b@y.test", text: "hello" });
    transport.close();
    assertEquals(readdirSync(kept).length, 1);
    await program.interrupt();
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test("the SMTP server says what is wrong with how it was started", async () => {
  const start = (...args: string[]): ReturnType<typeof run> =>
    run(permitted(PERMISSIONS, CURRENT, "examples/smtp_server.ts", ...args));
  const bad = await start("--cert", "x");
  assertEquals([bad.code, bad.stderr.trim()], [1, "--cert and --key need each other"]);
  const missing = await start("--port", "0", "--cert", "/none/cert.pem", "--key", "/none/key.pem");
  assertEquals([missing.code, missing.lines], [1, []]);
  assertMatch(missing.stderr, /^[^\n]*\/none\/cert\.pem[^\n]*\n$/); // one line
  const none = await start("--port", "0", "--cert", "README.md", "--key", "LICENSE");
  assertEquals([none.code, none.lines], [1, []]);
  assertMatch(none.stderr, /^README\.md and LICENSE are no pair: [^\n]+\n$/);
  assertEquals((await start("--help")).code, 0);
});
