/** A page in a real browser, headless, and the server that it comes from. */
import { once } from "node:events";
import { existsSync } from "node:fs";
import { createServer } from "node:http";
import { createRequire } from "node:module";
import type { AddressInfo } from "node:net";
import { delimiter, join } from "node:path";
import process from "node:process";
import { type WebSocket, WebSocketServer } from "ws";
import { PATIENCE } from "./limits.ts";
import { CURRENT } from "./programs.ts";

/** What is used of `playwright-core`, whose own types need those of the DOM. */
interface Playwright {
  readonly chromium: {
    launchServer(options: object): Promise<BrowserServer>;
    connect(endpoint: string): Promise<Browser>;
  };
}
interface BrowserServer {
  wsEndpoint(): string;
  kill(): Promise<void>;
}
interface Browser {
  newPage(options?: { viewport: { width: number; height: number } }): Promise<Page>;
}
/** A tab. */
export interface Page {
  on(event: "pageerror", listener: (error: Error) => void): void;
  goto(url: string): Promise<unknown>;
  evaluate(expression: string): Promise<unknown>;
  fill(selector: string, text: string): Promise<void>;
  press(selector: string, key: string): Promise<void>;
  click(selector: string): Promise<void>;
  reload(): Promise<unknown>;
  screenshot(options: { path: string }): Promise<unknown>;
}

/** The path of Chromium, by any of the names that systems give it. */
function findChromium(): string | undefined {
  const names = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];
  return (process.env["PATH"] ?? "").split(delimiter)
    .flatMap((folder) => names.map((name) => join(folder, name)))
    .find((file) => existsSync(file));
}

function launch(executablePath: string): Promise<BrowserServer> {
  const { chromium }: Playwright = createRequire(import.meta.url)("playwright-core");
  return chromium.launchServer({
    executablePath,
    chromiumSandbox: false, // root must do without
    timeout: PATIENCE,
  });
}

async function attach(browser: BrowserServer): Promise<Browser> {
  const { chromium }: Playwright = createRequire(import.meta.url)("playwright-core");
  return await chromium.connect(browser.wsEndpoint());
}

/** A browser for pages of somebody's. Disposing of it ends the browser. */
export class Tabs {
  /** What the pages' scripts did not catch. */
  readonly errors: Error[] = [];
  readonly #server: BrowserServer;
  readonly #browser: Browser;

  private constructor(server: BrowserServer, browser: Browser) {
    this.#server = server;
    this.#browser = browser;
  }

  static async launch(executablePath: string): Promise<Tabs> {
    const server = await launch(executablePath);
    return new Tabs(server, await attach(server));
  }

  async open(url: string): Promise<Page> {
    const page = await this.#browser.newPage({ viewport: { width: 1000, height: 600 } });
    page.on("pageerror", (error) => this.errors.push(error));
    await page.goto(url);
    return page;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.kill();
  }
}

/**
 * Resolves when an expression is true in a page, whose changes are watched. (Playwright's own way is not allowed by a strict
 * Content-Security-Policy.) Rejects with what it shows if that does not come.
 */
export async function becomes(page: Page, expression: string): Promise<void> {
  await within(
    page.evaluate(`new Promise((resolve) => {
      const look = () => (${expression}) && (observer.disconnect(), resolve());
      const observer = new MutationObserver(look);
      const all = { attributes: true, characterData: true, childList: true, subtree: true };
      observer.observe(document, all);
      look();
    })`),
    async () =>
      `${expression} has not become true: ${await page.evaluate("document.body.innerText")}`,
  );
}

/** What the work resolves with; if that does not come, an error says so. */
async function within<T>(work: Promise<T>, complaint: () => string | Promise<string>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(async () => reject(new Error(await complaint())), PATIENCE);
  });
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** The browser of the tests, if there is one. */
export const chromium: string | undefined = findChromium();

/** Why there is nothing to be done here. */
function reasonToSkip(): string | undefined {
  if (CURRENT !== "node") return "once is enough: from Node";
  if (chromium === undefined && !process.env["CI"]) return "no Chromium is installed";
  return undefined;
}

const reason = reasonToSkip();

/** The name of a test in the browser, which says why where it is skipped. */
export const title = (name: string): string => reason === undefined ? name : `${name} (${reason})`;

/** Whether such a test is skipped, as `node:test` is told. */
export const skip: { readonly skip: boolean } = { skip: reason !== undefined };

/** A script in an otherwise empty page. Disposing of it ends the browser. */
export class ScriptedPage {
  /** What the page's script did not catch. */
  readonly errors: Error[] = [];
  readonly #site: Site;
  readonly #browser: BrowserServer;
  readonly #page: Page;

  private constructor(site: Site, browser: BrowserServer, page: Page) {
    this.#site = site;
    this.#browser = browser;
    this.#page = page;
    page.on("pageerror", (error) => this.errors.push(error));
  }

  /**
   * @param executablePath The browser.
   * @param script The page's script, a module.
   * @param onSocket Is called with each WebSocket that the page opens, save those that are connected with each other.
   */
  static async open(
    executablePath: string,
    script: string,
    onSocket: (socket: WebSocket) => void,
  ): Promise<ScriptedPage> {
    const browser = await launch(executablePath);
    const site = new Site(script, onSocket);
    try {
      const url = await site.listen();
      const page = await (await attach(browser)).newPage();
      const scripted = new ScriptedPage(site, browser, page);
      await page.goto(url);
      return scripted;
    } catch (error) {
      site.close();
      await browser.kill();
      throw error;
    }
  }

  /** The address of the page's own server, for WebSockets. */
  get url(): string {
    return this.#site.url.replace("http:", "ws:");
  }

  /** Calls a function of the page. Rejects if that takes too long. */
  call<T>(name: string, ...args: readonly unknown[]): Promise<T> {
    const expression = `page.${name}(...${JSON.stringify(args)})`;
    const called = this.#page.evaluate(expression) as Promise<T>;
    return within(called, () => `${name} has not returned`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#site.close();
    await this.#browser.kill();
  }
}

/** Serves the page, and its WebSockets: two with the same address below `/relay/` are connected with each other. */
class Site {
  url = "";
  readonly #http;
  readonly #sockets: WebSocketServer;
  readonly #waiting: Map<string, WebSocket> = new Map();

  constructor(script: string, onSocket: (socket: WebSocket) => void) {
    this.#http = createServer((request, response) => {
      const isScript = request.url === "/script.js";
      response.setHeader("content-type", isScript ? "text/javascript" : "text/html");
      response.end(isScript ? script : '<script type="module" src="/script.js"></script>');
    });
    this.#sockets = new WebSocketServer({ server: this.#http });
    this.#sockets.on("connection", (socket, { url = "" }) => {
      if (url.startsWith("/relay/")) this.#connect(socket, url);
      else onSocket(socket);
    });
  }

  async listen(): Promise<string> {
    await once(this.#http.listen(0, "127.0.0.1"), "listening");
    return this.url = `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}`;
  }

  close(): void {
    for (const client of this.#sockets.clients) client.terminate();
    this.#http.close();
    this.#http.closeAllConnections();
  }

  #connect(socket: WebSocket, url: string): void {
    const other = this.#waiting.get(url);
    if (other === undefined) {
      this.#waiting.set(url, socket);
      return;
    }
    this.#waiting.delete(url);
    relay(socket, other);
    relay(other, socket);
  }
}

/** Sends what one socket receives to the other, as fast as that takes it. */
function relay(from: WebSocket, to: WebSocket): void {
  from.on("message", (data, binary) => {
    from.pause();
    to.send(data as Uint8Array, { binary }, () => from.resume());
  });
  from.on("close", (code) => code === 1006 ? to.terminate() : to.close());
}
