/** What the bench runs on, and beside what: the machine, the runtimes, and the peers in their versions. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { cpus, release, totalmem, type } from "node:os";
import { ENV } from "../../tests/support/programs.ts";

export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  /** In GiB. */
  readonly memory: number;
  readonly kernel: string;
}

export function thisMachine(): Machine {
  return {
    cpu: cpus()[0]?.model ?? "unknown",
    cores: cpus().length,
    memory: Math.round(totalmem() / 2 ** 30),
    kernel: `${type()} ${release()}`,
  };
}

export function inWords({ cpu, cores, memory, kernel }: Machine): string {
  return `${cores} x ${cpu}, ${memory} GiB, ${kernel}`;
}

/** The packages that are peers, or that measure. */
const PACKAGES = [
  "@nats-io/nats-core",
  "binary-split",
  "byline",
  "esbuild",
  "it-length-prefixed",
  "length-prefixed-stream",
  "split2",
];

/** The programs that are peers, or that make the load, and how each tells its version. */
const PROGRAMS: Readonly<Record<string, readonly string[]>> = {
  "python3": ["--version"],
  "redis-benchmark": ["--version"],
  "redis-server": ["--version"],
  "socat": ["-V"],
  "wrk": ["-v"],
};

/** The versions of all that is here. */
export function versionsOfPeers(): Record<string, string> {
  const versions: Record<string, string> = {};
  for (const name of PACKAGES) {
    versions[name] = JSON.parse(readFileSync(`node_modules/${name}/package.json`, "utf8")).version;
  }
  for (const [name, args] of Object.entries(PROGRAMS)) {
    const version = versionOf(name, ...args);
    if (version !== undefined) versions[name] = version;
  }
  return versions;
}

/** The version that a program tells; `undefined` if it is not there. */
export function versionOf(program: string, ...args: readonly string[]): string | undefined {
  // wrk calls it a failure to be asked, and tells.
  const { error, stdout, stderr } = spawnSync(program, args, { env: ENV, encoding: "utf8" });
  if (error !== undefined) return undefined;
  return `${stdout}${stderr}`.match(/\d+\.\d+[-\w.]*/)?.[0];
}
