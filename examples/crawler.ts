/**
 * Walks a site from link to link, politely, and prints what it has found as a tree. See "HTTP client and crawler" in the README
 * beside this.
 *
 *     npx tsx examples/crawler.ts http://127.0.0.1:8000/
 *     npx deno run --allow-net examples/crawler.ts http://127.0.0.1:8000/
 *     npx bun examples/crawler.ts http://127.0.0.1:8000/
 */
import process from "node:process";
import { Crawl, type Page } from "./crawler/crawl.ts";
import { formatTree } from "./crawler/tree.ts";
import { readArguments, runProgram, stopSignal, toNumber } from "./command_line.ts";
import { HttpClient } from "./http/client.ts";

const USAGE = `usage: crawler URL [--concurrency N] [--depth N] [--pages N] [--delay MS]

  --concurrency N   how many pages are asked for at a time (4)
  --depth N         how many links away from the first page (10)
  --pages N         how many pages at most (1000)
  --delay MS        how long to wait before each request (0; robots.txt may say more)`;
const { options, words } = readArguments(USAGE, {
  concurrency: "4",
  depth: "10",
  pages: "1000",
  delay: "0",
});

function describe({ status, length, milliseconds, problem }: Page): string {
  if (problem !== undefined) return `  ${problem}`;
  return `  ${status}  ${length} bytes  ${milliseconds.toFixed(0)} ms`;
}

await runProgram(async () => {
  const [start, ...more] = words;
  if (start === undefined || more.length > 0 || !URL.canParse(start)) {
    throw new RangeError(`expected one URL, not ${words.length}: ${words.join(" ")}\n${USAGE}`);
  }
  const stop = new AbortController();
  stopSignal().then(() => stop.abort(new RangeError("stopped")));
  const concurrency = toNumber("concurrency", options.concurrency, 1);
  const client = new HttpClient({ signal: stop.signal, maxIdle: concurrency });
  const crawl = new Crawl(client, {
    concurrency,
    maxDepth: toNumber("depth", options.depth),
    maxPages: toNumber("pages", options.pages, 1),
    delay: toNumber("delay", options.delay),
    signal: stop.signal,
  });
  const pages = await crawl.run(new URL(start));
  client.close();
  console.log(formatTree(pages, describe));
  const failed = pages.filter(({ problem, status }) => problem !== undefined || status >= 400);
  const bytes = pages.reduce((sum, { length }) => sum + length, 0);
  console.log(`${pages.length} pages, ${bytes} bytes, ${failed.length} failed`);
  process.exit(failed.length === 0 && !stop.signal.aborted ? 0 : 1);
});
