/** Certificates, made anew by each run, with the `openssl` program. */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface Certificate {
  readonly cert: string;
  readonly key: string;
}

const CURVE = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];

/** An authority, that signs certificates. */
export class Authority {
  readonly ca: string;
  readonly #key: string;

  constructor(name: string = "Authority of the tests") {
    const made = inFolder((run, read) => {
      run(
        ...["req", "-x509", ...CURVE, "-keyout", "key", "-out", "cert", "-days", "2"],
        ...["-subj", `/CN=${name}`, "-addext", "basicConstraints=critical,CA:TRUE"],
      );
      return { cert: read("cert"), key: read("key") };
    });
    this.ca = made.cert;
    this.#key = made.key;
  }

  /** Signs a certificate for names, as `DNS:localhost,IP:127.0.0.1`, that holds for so many days. */
  sign(names: string, days: number = 2): Certificate {
    return inFolder((run, read, write) => {
      write("ca", this.ca);
      write("ca.key", this.#key);
      write("extensions", `subjectAltName=${names}\nbasicConstraints=CA:FALSE\n`);
      run("req", ...CURVE, "-keyout", "key", "-out", "request", "-subj", "/CN=a test");
      run(
        ...["x509", "-req", "-in", "request", "-CA", "ca", "-CAkey", "ca.key", "-CAcreateserial"],
        ...["-out", "cert", "-days", String(days), "-extfile", "extensions"],
      );
      return { cert: read("cert"), key: read("key") };
    });
  }
}

function inFolder<T>(
  work: (
    run: (...args: string[]) => void,
    read: (name: string) => string,
    write: (name: string, text: string) => void,
  ) => T,
): T {
  const folder = mkdtempSync(join(tmpdir(), "asynchat-"));
  const run = (...args: string[]): void => {
    const { status, stderr } = spawnSync("openssl", args, { cwd: folder, encoding: "utf8" });
    if (status !== 0) throw new Error(`openssl ${args.join(" ")}: ${stderr}`);
  };
  try {
    return work(
      run,
      (name) => readFileSync(join(folder, name), "utf8"),
      (name, text) => writeFileSync(join(folder, name), text),
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}
