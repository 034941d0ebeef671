/** An exchange between two processes: see exchange.ts. */
import process from "node:process";
import { type ExchangeReport, MESSAGES } from "./exchange.ts";
import { command, Program, type RuntimeName } from "./programs.ts";

export interface ExchangeOptions {
  readonly connections: number;
  /** What the framings and the payloads come from: the same ones repeat a failure. */
  readonly seed: number;
  /** How long it may take before it is taken for one that will never end, in milliseconds. */
  readonly longest: number;
}

/** Runs an exchange, both ends on that runtime. Returns what is not as it must be. */
export async function runExchange(
  runtime: RuntimeName,
  { connections, seed, longest }: ExchangeOptions,
): Promise<string[]> {
  const start = (file: string, ...args: number[]): Program =>
    new Program(
      // Deno must be allowed to read /proc.
      command(runtime, `tests/programs/${file}.ts`, ...args.map(String))
        .map((flag) => flag === "--allow-net" ? "--allow-all" : flag),
    );
  await using server = start("exchange_server", seed, connections);
  const [, port] = await server.line(/^listening on (\d+)$/);
  await using client = start("exchange_client", Number(port), seed, connections);

  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not done after ${longest} ms`)), longest);
  });
  try {
    await Promise.race([late, client.line(new RegExp(`^checked ${connections * MESSAGES} `))]);
    const [, json] = await Promise.race([late, server.line(/^report (.*)$/)]);
    const report: ExchangeReport = JSON.parse(json!);
    const expected: ExchangeReport = {
      answered: connections * MESSAGES,
      most: connections,
      left: 0,
      openSockets: process.platform === "linux" ? 0 : null,
    };
    return [
      ...problemsOf(server),
      ...Object.entries(expected)
        .map(([name, value]) => [name, value, report[name as keyof ExchangeReport]] as const)
        .filter(([, wanted, found]) => found !== wanted)
        .map(([name, wanted, found]) => `${name} is ${found}, and must be ${wanted}`),
    ];
  } catch (error) {
    return [...problemsOf(server), (error as Error).message];
  } finally {
    clearTimeout(timer);
  }
}

function problemsOf(server: Program): string[] {
  return server.lines.filter((line) => line.startsWith("problem: "));
}
