import robots, { type Robot } from "robots-parser";
import { pause } from "../backoff.ts";
import type { ClientResponse, HttpClient } from "../http/client.ts";
import { linksOf } from "./links.ts";

/** What was found at a URL. */
export interface Page {
  readonly url: URL;
  /** The page that has led to it first. */
  readonly parent: Page | undefined;
  /** How many links it is away from the first page. */
  readonly depth: number;
  /** When it was found, as a number. */
  readonly number: number;
  readonly status: number;
  /** The length of its body, in bytes. */
  readonly length: number;
  readonly milliseconds: number;
  /** Why there is no answer. */
  readonly problem: string | undefined;
}

export interface CrawlOptions {
  /** How many pages are asked for at a time. */
  readonly concurrency: number;
  readonly maxDepth: number;
  readonly maxPages: number;
  /** How long to wait before each request, in milliseconds: a `Crawl-delay` of robots.txt may be longer. */
  readonly delay: number;
  readonly signal: AbortSignal;
}

/** Its types speak of a default export, where there is the function itself. */
const robotsParser = robots as unknown as (url: string, text: string) => Robot;
const NAME = "asynchat";
/** Longer than that, nobody waits, whatever a robots.txt says. Milliseconds. */
const LONGEST_DELAY = 30_000;
/** What is looked at for links, in bytes. */
const LONGEST_PAGE = 2 * 1024 * 1024;

interface Wanted {
  readonly url: URL;
  readonly parent: Page | undefined;
  readonly depth: number;
  readonly number: number;
}

/** A walk through one site, which leaves it by no link, and asks for nothing that its robots.txt forbids (RFC 9309). */
export class Crawl {
  readonly #client: HttpClient;
  readonly #options: CrawlOptions;
  readonly #queue: Wanted[] = [];
  readonly #known: Set<string> = new Set();
  readonly #pages: Page[] = [];
  #robots: Robot | undefined;
  /** When the next request may begin. */
  #nextAt = 0;

  constructor(client: HttpClient, options: CrawlOptions) {
    this.#client = client;
    this.#options = options;
  }

  /** Walks from a page, and returns all that were found, in the order in which they were. */
  async run(from: URL): Promise<readonly Page[]> {
    const start = new URL(from);
    start.hash = "";
    const problem = await this.#problemWith(start);
    if (problem === undefined) this.#want(start, undefined);
    else {
      const first = { url: start, parent: undefined, depth: 0, number: 1 };
      this.#found(first, performance.now(), { problem });
    }
    const { concurrency } = this.#options;
    const busy = new Set<Promise<void>>();
    while (this.#queue.length > 0 || busy.size > 0) {
      while (this.#queue.length > 0 && busy.size < concurrency) {
        const visit = this.#visit(this.#queue.shift()!).finally(() => busy.delete(visit));
        busy.add(visit);
      }
      await Promise.race(busy);
    }
    return this.#pages.sort((one, other) => one.number - other.number);
  }

  #want(url: URL, parent: Page | undefined): void {
    const { maxDepth, maxPages, signal } = this.#options;
    const depth = parent === undefined ? 0 : parent.depth + 1;
    if (signal.aborted || depth > maxDepth || this.#known.size >= maxPages) return;
    if (this.#known.has(url.href) || !this.#isAllowed(url)) return;
    this.#known.add(url.href);
    this.#queue.push({ url, parent, depth, number: this.#known.size });
  }

  #isAllowed(url: URL): boolean {
    return this.#robots?.isAllowed(url.href, NAME) !== false;
  }

  async #visit(wanted: Wanted): Promise<void> {
    await this.#waitForTurn();
    const begun = performance.now();
    try {
      // A redirect is a link like any other.
      const mayFollow = (to: URL): boolean =>
        to.origin === wanted.url.origin && this.#isAllowed(to);
      const response = await this.#client.get(wanted.url, { mayFollow });
      const body = await response.body.bytes();
      const page = this.#found(wanted, begun, { status: response.status, length: body.length });
      if (!isHtml(response)) return;
      const html = new TextDecoder().decode(body.subarray(0, LONGEST_PAGE));
      for (const url of linksOf(html, response.url)) {
        if (url.origin === wanted.url.origin) this.#want(url, page);
      }
    } catch (error) {
      this.#found(wanted, begun, { problem: (error as Error).message });
    }
  }

  #found(wanted: Wanted, begun: number, { status = 0, length = 0, problem }: Partial<Page>): Page {
    const page = { ...wanted, status, length, milliseconds: performance.now() - begun, problem };
    this.#pages.push(page);
    return page;
  }

  async #waitForTurn(): Promise<void> {
    const asked = 1_000 * (this.#robots?.getCrawlDelay(NAME) || 0); // NaN, where it is no number
    const delay = Math.min(Math.max(this.#options.delay, asked), LONGEST_DELAY);
    const now = performance.now();
    const at = Math.max(now, this.#nextAt);
    this.#nextAt = at + delay;
    if (at > now) await pause(at - now, this.#options.signal);
  }

  /** Reads the site's robots.txt, and tells why the walk cannot begin, if it cannot. */
  async #problemWith(start: URL): Promise<string | undefined> {
    try {
      this.#robots = await this.#readRobots(new URL("/robots.txt", start));
    } catch (error) {
      return `robots.txt: ${(error as Error).message}`;
    }
    return this.#isAllowed(start) ? undefined : "robots.txt forbids it";
  }

  /**
   * A site that has no robots.txt forbids nothing; one that cannot tell it now, nothing may be asked of (RFC 9309, section 2.3.1).
   * @throws {Error} If it cannot be read.
   */
  async #readRobots(url: URL): Promise<Robot | undefined> {
    const { status, body } = await this.#client.get(url);
    const text = await body.text();
    if (status >= 500) throw new Error(`the server answers ${status}`);
    return status < 300 ? robotsParser(url.href, text) : undefined;
  }
}

function isHtml({ fields, status }: ClientResponse): boolean {
  return status < 400 &&
    /^(text\/html|application\/xhtml\+xml)\b/i.test(fields.get("content-type") ?? "");
}
