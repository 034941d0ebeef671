/** The SMTP server as a program, with mail programs that nobody here wrote. */
import { once } from "node:events";
import { createConnection } from "node:net";
import { test } from "node:test";
import { assert, assertEquals, assertMatch, assertRejects } from "@std/assert";
import { createTransport } from "nodemailer";
import { Authority } from "../support/certificates.ts";
import { ExampleServer } from "../support/examples.ts";
import { Folder } from "../support/folder.ts";
import { PATIENCE } from "../support/limits.ts";
import { peerTest } from "../support/test_with_peer.ts";
import { shellOutput } from "../support/shell.ts";

const SECONDS = Math.ceil(PATIENCE / 1_000);

const PEOPLE = { from: "a@x.test", to: "b@y.test" };
const authority = new Authority();
const { cert, key } = authority.sign("DNS:mx.test,DNS:localhost,IP:127.0.0.1");

/** Starts a server that keeps mails in a folder, beside its certificates. */
function startIn(folder: Folder): Promise<ExampleServer> {
  folder.write("ca.pem", authority.ca);
  const tls = ["--cert", folder.write("cert.pem", cert), "--key", folder.write("key.pem", key)];
  const kept = ["--folder", folder.at("new/mail"), "--domain", "mx.test"]; // which it makes
  return ExampleServer.start("smtp_server", ...tls, ...kept);
}

function mailsIn(folder: Folder): string[] {
  const names = folder.namesIn("new/mail");
  assert(names.every((name) => name.endsWith(".eml")), names.join());
  const decoder = new TextDecoder("latin1");
  return names.map((name) => decoder.decode(folder.read(`new/mail/${name}`))).sort();
}

peerTest("swaks", "swaks sends mail, in clear and encrypted", async () => {
  using folder = new Folder();
  await using server = await startIn(folder);
  const data = "Subject: hello\n\n.a line with a dot\n..two\n.\nend\n";
  const mail = `--data - < ${folder.write("mail", data)}`;
  const to = "--from a@x.test --to b@y.test,c@y.test";
  const swaks = `swaks --server 127.0.0.1:${server.port} ${to} --timeout ${SECONDS}`;
  const tls = `--tls --tls-ca-path ${folder.at("ca.pem")} --tls-verify`;
  await shellOutput(`${swaks} ${mail}`);
  await shellOutput(`${swaks} --pipeline ${mail}`);
  assertMatch(await shellOutput(`${swaks} ${tls} ${mail}`), /TLS started with cipher/);
  const body = data.replaceAll("\n", "\r\n").trimEnd();
  assertEquals(mailsIn(folder).map((mail) => mail.trimEnd()), Array(3).fill(body));
  await server.line(/from <a@x\.test> to <b@y\.test> <c@y\.test> {2}\d+ bytes, encrypted$/);
  await server.line(/bytes, in clear$/);
  const attached = folder.write("attached", Uint8Array.from({ length: 200_000 }, (_, i) => i));
  await shellOutput(`${swaks} --attach @${attached}`);
  assert(mailsIn(folder).some((mail) => mail.length > 250_000));
});

peerTest("/usr/bin/python3", "Python's smtplib sends mail byte for byte", async () => {
  using folder = new Folder();
  await using server = await startIn(folder);
  const where = `"localhost", ${server.port}, timeout=${SECONDS}`;
  const script = `import smtplib, ssl
bodies = [b"Subject: 1\\r\\n\\r\\n.\\r\\n..\\r\\n.x\\r\\n", b"Subject: 2\\r\\n\\r\\nh\\xe4ppy \\xff\\x00\\r\\n", b"x" * 70 + b"\\r\\n"]
bodies.append(b"Subject: 3\\r\\n\\r\\n" + (b"." * 76 + b"\\r\\n") * 20000)
trusting = ssl.create_default_context(cafile="${folder.at("ca.pem")}")
for encrypted in (False, True):
  with smtplib.SMTP(${where}) as s:
      if encrypted: s.starttls(context=trusting)
      for body in bodies: assert s.sendmail("a@x.test", ["b@y.test"], body, ["BODY=8BITMIME"]) == {}
      try: s.sendmail("a@x.test", ["b@y.test"], b"y\\r\\n" * 9000000); assert False
      except (smtplib.SMTPSenderRefused, smtplib.SMTPDataError) as error: assert error.smtp_code == 552, error
try: smtplib.SMTP(${where}).starttls(context=ssl.create_default_context()); assert False
except ssl.SSLCertVerificationError: print("fine")`;
  const line = `/usr/bin/python3 ${folder.write("send.py", script)}`;
  assertEquals(await shellOutput(line), "fine\n");
  const sent = [
    "Subject: 1\r\n\r\n.\r\n..\r\n.x\r\n",
    "Subject: 2\r\n\r\nh\xe4ppy \xff\x00\r\n",
    `${"x".repeat(70)}\r\n`,
    `Subject: 3\r\n\r\n${`${".".repeat(76)}\r\n`.repeat(20_000)}`,
  ];
  const [mails, expected] = [mailsIn(folder), [...sent, ...sent].sort()];
  assertEquals(mails.map(({ length }) => length), expected.map(({ length }) => length));
  assert(mails.join("") === expected.join("")); // whose difference would be megabytes
});

test("nodemailer sends mail by STARTTLS, several over one connection, and through a pool", async () => {
  using folder = new Folder();
  await using server = await startIn(folder);
  const { port } = server;
  const where = { host: "127.0.0.1", port, requireTLS: true, greetingTimeout: PATIENCE };
  const tls = { ca: authority.ca, servername: "mx.test" };
  const transport = createTransport({ ...where, tls, pool: true, maxConnections: 3 });
  const numbers = Array.from({ length: 20 }, (_, i) => i);
  await Promise.all(
    numbers.map((i) =>
      transport.sendMail({ ...PEOPLE, subject: `mail ${i}`, text: `.dot\nhäppy ${i}` })
    ),
  );
  transport.close();
  const subjects = mailsIn(folder).map((mail) =>
    Number(mail.match(/^Subject: mail (\d+)\r$/m)?.[1])
  );
  assertEquals(subjects.sort((one, other) => one - other), numbers);
  const distrustful = createTransport(where);
  await assertRejects(() => distrustful.sendMail({ ...PEOPLE, text: "x" }), Error);
  distrustful.close();
});

test("the SMTP server goes on when clients vanish in the middle of a mail, keeps none of it, and stops at Ctrl-C", async () => {
  using folder = new Folder();
  await using server = await startIn(folder);
  const { port } = server;
  for (let i = 0; i < 10; i++) {
    const socket = createConnection(port, "127.0.0.1");
    await once(socket, "data");
    socket.write("EHLO a\r\nMAIL FROM:<a@x>\r\nRCPT TO:<b@x>\r\nDATA\r\nhalf of a mail\r\n.");
    while (!String((await once(socket, "data"))[0]).includes("354"));
    socket.resetAndDestroy();
  }
  const clear = { host: "127.0.0.1", port, ignoreTLS: true, greetingTimeout: PATIENCE };
  const transport = createTransport(clear);
  await transport.sendMail({ ...PEOPLE, text: "still here" });
  transport.close();
  await server.stop();
  assertEquals(mailsIn(folder).length, 1);
});
