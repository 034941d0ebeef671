/**
 * Receives mail. See "SMTP with STARTTLS" in the README beside this.
 *
 *     npx tsx examples/smtp_server.ts --port 2525 --folder /tmp/mail
 *     npx deno run --allow-net --allow-read --allow-write examples/smtp_server.ts --port 2525 --folder /tmp/mail
 *     npx bun examples/smtp_server.ts --port 2525 --folder /tmp/mail
 *
 * Try it: `swaks --server 127.0.0.1:2525 --to ada@example.com`
 */
import { mkdir, readFile } from "node:fs/promises";
import { serve } from "../mod.ts";
import { tls as overTls } from "../src/tls/mod.ts";
import {
  formatAddress,
  readOptions,
  runProgram,
  serveUntilStopped,
  toNumber,
  toPort,
  UserError,
} from "./command_line.ts";
import { Folder, Nowhere } from "./smtp/mailbox_folder.ts";
import { serveSmtp, SMTP } from "./smtp/session.ts";

const USAGE =
  `usage: smtp_server [--folder FOLDER] [--hostname HOST] [--port PORT] [--domain NAME] [--cert FILE --key FILE] [--max-size BYTES]

  --folder FOLDER    keeps each mail in a file, and is made if it is not there; without it, none is kept
  --hostname HOST    where to listen (127.0.0.1)
  --port PORT        (2525; 0: the system chooses one)
  --domain NAME      what the server is called (localhost)
  --cert FILE        and --key FILE, in PEM: offers STARTTLS
  --max-size BYTES   the largest mail (26214400)`;
const options = readOptions(USAGE, {
  folder: "",
  hostname: "127.0.0.1",
  port: "2525",
  domain: "localhost",
  cert: "",
  key: "",
  "max-size": String(25 * 1024 * 1024),
});

async function readTls(): Promise<{ cert: string; key: string } | undefined> {
  const { cert, key } = options;
  if (cert === "" && key === "") return undefined;
  if (cert === "" || key === "") throw new UserError("--cert and --key need each other");
  const pair = { cert: await readFile(cert, "utf8"), key: await readFile(key, "utf8") };
  try {
    // Now, and not when the first client says STARTTLS.
    overTls(pair, { isServer: true });
  } catch (error) {
    throw new UserError(`${cert} and ${key} are no pair: ${(error as Error).message}`);
  }
  return pair;
}

await runProgram(async () => {
  const tls = await readTls();
  const maxSize = toNumber("max-size", options["max-size"]);
  if (options.folder !== "") await mkdir(options.folder, { recursive: true });
  const store = options.folder === "" ? new Nowhere() : new Folder(options.folder);
  const server = await serve({
    hostname: options.hostname,
    port: toPort(options.port),
    ...SMTP,
    idleTimeout: 330_000, // a client that takes no answers, or stops in a mail; a silent one has been told to go before
    maxConnections: 500,
    onError(error, chat) {
      const name = chat?.remoteAddress ? formatAddress(chat.remoteAddress) : "a client";
      console.log(`${name}  ${(error as Error).message}`);
    },
  }, (chat) =>
    serveSmtp(chat, {
      domain: options.domain,
      store,
      maxSize,
      tls,
      onMail({ name, from, to, size, isEncrypted }) {
        const how = isEncrypted ? "encrypted" : "in clear";
        console.log(`${name}  from <${from}> to <${to.join("> <")}>  ${size} bytes, ${how}`);
      },
    }));
  await serveUntilStopped(server);
});
