/** The crawler as a program, on sites that are served by programs nobody here wrote. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { linksOf } from "../../examples/crawler/links.ts";
import { Deferred } from "../../src/common/deferred.ts";
import { example, runExample } from "../support/examples.ts";
import { Folder } from "../support/folder.ts";
import { peerTest } from "../support/test_with_peer.ts";
import { type Output, Program } from "../support/programs.ts";

const crawl = (...args: string[]): Promise<Output> => runExample("crawler", ...args);

/** What is printed, without what is never the same. */
const shown = ({ lines }: Output, url: string): string[] =>
  lines.map((line) => line.replace(url, "/").replace(/ {2}\d+ bytes {2}\d+ ms$/, ""));

const links = (...paths: string[]): string => paths.map((path) => `<a href="${path}">`).join("");

const PAGES: Readonly<Record<string, string>> = {
  "index.html": links("a.html", "sub/", "http://elsewhere.invalid/"),
  "a.html": links("index.html#top", "b.html"),
  "b.html": "nothing here",
  "sub/index.html": links("../a.html", "c.html"),
  "sub/c.html": links("/"),
};

for (const protocol of ["HTTP/1.0", "HTTP/1.1"]) {
  const name = `the crawler walks a site that Python's http.server serves by ${protocol}`;
  peerTest("/usr/bin/python3", name, async () => {
    using folder = new Folder();
    mkdirSync(folder.at("sub"));
    for (const [name, html] of Object.entries(PAGES)) folder.write(name, html);
    const script = `import functools, http.server as s
class Handler(s.SimpleHTTPRequestHandler):
    protocol_version = "${protocol}"
server = s.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory="${folder.path}"))
print(server.server_address[1], flush=True)
server.serve_forever()`;
    const stdio = ["ignore", "pipe", "ignore"] as const;
    const server = spawn("/usr/bin/python3", ["-c", script], { stdio: [...stdio] });
    try {
      const [port] = await once(createInterface({ input: server.stdout! }), "line");
      const url = `http://127.0.0.1:${port}/`;
      const output = await crawl(url);
      const bytes = Object.values(PAGES).join("").length + PAGES["index.html"]!.length;
      assertEquals(shown(output, url), [
        "/  200",
        "├── /a.html  200",
        "│   ├── /index.html  200",
        "│   └── /b.html  200",
        "└── /sub/  200",
        "    └── /sub/c.html  200",
        `6 pages, ${bytes} bytes, 0 failed`,
      ], output.stderr);
      assertEquals(output.code, 0);
    } finally {
      server.kill("SIGKILL");
      await once(server, "exit");
    }
  });
}

type Answer = (path: string, response: ServerResponse, request: IncomingMessage) => void;

/** Serves a site, whose robots.txt allows all unless something else is said. */
async function withSite(
  answer: Answer,
  work: (url: string, asked: readonly string[]) => Promise<void>,
  robots: Answer = (_path, response) => response.writeHead(404).end(),
): Promise<void> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    const { url = "" } = request;
    asked.push(url);
    response.setHeader("content-type", "text/html");
    (url === "/robots.txt" ? robots : answer)(url, response, request);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  try {
    await work(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`, asked);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

test("the crawler asks for as many pages at a time as it may, and for each once", () => {
  const waiting: ServerResponse[] = [];
  const sockets = new Set<unknown>();
  let most = 0;
  const pages = Array.from({ length: 100 }, (_, i) => `/${i}`);
  return withSite((path, response, { socket }) => {
    sockets.add(socket);
    if (path === "/") return void response.end(links(...pages));
    most = Math.max(most, waiting.push(response));
    if (waiting.length === 5) {
      for (const each of waiting.splice(0)) each.end(links("/", ...pages));
    }
  }, async (url, asked) => {
    const { code, lines, stderr } = await crawl(url, "--concurrency", "5");
    assertEquals([code, stderr], [0, ""]);
    assertMatch(lines.at(-1)!, /^101 pages, \d+ bytes, 0 failed$/);
    assertEquals([...asked].sort(), ["/", ...pages, "/robots.txt"].sort());
    assert(most === 5 && sockets.size <= 6, `${most} at a time, ${sockets.size} connections`);
  });
});

test("the crawler says what went wrong at each page, and goes on", () =>
  withSite((path, response) => {
    switch (path) {
      case "/":
        return response.end(links("gone", "broken", "loop", "private/x", "moved", "fine"));
      case "/gone":
        return response.writeHead(410).end();
      case "/broken":
        response.writeHead(200, { "content-length": 10 }).write("half");
        return setImmediate(() => response.socket!.destroy());
      case "/loop":
        return response.writeHead(302, { location: "/loop" }).end();
      case "/moved":
        return response.writeHead(301, { location: "/fine" }).end();
      default:
        return response.end("fine");
    }
  }, async (url) => {
    const output = await crawl(url, "--concurrency", "1");
    assertEquals(output.code, 1, output.stderr);
    const lines = shown(output, url);
    assertEquals(lines.slice(0, 2), ["/  200", "├── /gone  410"]);
    assertMatch(lines[2]!, /^├── \/broken {2}\D/);
    assertMatch(lines[3]!, /^├── \/loop {2}.* redirects/);
    assertEquals(lines.slice(4, 6), ["├── /moved  200", "└── /fine  200"]);
    assertMatch(lines[6]!, /^6 pages, \d+ bytes, 3 failed$/);
  }, (_path, response) => response.end("User-agent: *\nDisallow: /private\n")));

test("the crawler follows no redirect to another site, nor to what robots.txt forbids", () =>
  withSite(
    (_path, response) => response.end("elsewhere"),
    (other, askedThere) =>
      withSite((path, response) => {
        const location = { "/away": other, "/back": "/private/x", "/on": "/fine" }[path];
        if (location !== undefined) return response.writeHead(302, { location }).end();
        return response.end(path === "/" ? links("/away", "/back", "/on", "#x") : "fine");
      }, async (url, asked) => {
        const output = await crawl(`${url}#start`, "--concurrency", "1");
        const pages = ["/  200", "├── /away  302", "├── /back  302", "└── /on  200"];
        assertEquals(shown(output, url).slice(0, -1), pages);
        assertEquals(asked, ["/robots.txt", "/", "/away", "/back", "/on", "/fine"]);
        assertEquals(askedThere, []);
      }, (_path, response) => response.end("User-agent: *\nDisallow: /private\nCrawl-delay: x")),
  ));

test("the crawler asks for nothing where robots.txt forbids all, or cannot be read, and says so", async () => {
  const answers: readonly Answer[] = [
    (_path, response) => response.end("User-agent: *\nDisallow: /"),
    (_path, response) => response.writeHead(503).end(),
    (_path, response) => response.destroy(),
  ];
  for (const robots of answers) {
    await withSite((_path, response) => response.end(), async (url, asked) => {
      const { code, lines } = await crawl(url);
      assertEquals([code, lines.length, lines[1]], [1, 2, "1 pages, 0 bytes, 1 failed"]);
      assertMatch(lines[0]!, / {2}robots\.txt/);
      assertEquals(asked, ["/robots.txt"]);
    }, robots);
  }
});

test("the crawler goes no deeper and no further than it was told to", () =>
  withSite((path, response) => response.end(links(`${path}x`)), async (url) => {
    assertEquals((await crawl(url, "--depth", "3")).lines.length, 5);
    assertEquals((await crawl(url, "--pages", "7")).lines.length, 8);
  }));

test("the crawler stops at Ctrl-C, and prints what it has found", () => {
  const asked = new Deferred();
  return withSite((path, response) => {
    if (path === "/") response.end(links("/never"));
    else asked.resolve();
  }, async (url) => {
    await using program = new Program(example("crawler", url));
    await asked.promise;
    const { code, lines } = await program.interrupt();
    assertEquals(code, 1);
    assertMatch(lines[1]!, /^└── \/never {2}stopped/);
  });
});

test("linksOf() finds where links lead, each once, and passes over what it should not follow", () => {
  const found: readonly (readonly [html: string, links: string[]])[] = [
    [`<a href="c.html">c</a> <A HREF='/d'>d</A>`, ["http://x.test/a/c.html", "http://x.test/d"]],
    ["<a href=../e?f=g&amp;h>e</a>", ["http://x.test/e?f=g&h"]],
    ['<a href="#top">t</a><a href="b.html#x">b</a>', ["http://x.test/a/b.html"]],
    ['<map><area href="//y.test/z"></map>', ["http://y.test/z"]],
    ['<base href="/sub/"><a href="c">c</a>', ["http://x.test/sub/c"]],
    ['<a>x</a><a href="mailto:a@x.test">m</a><a href="javascript:f()">j</a>', []],
    ['<a href="http://[/">bad</a><img src="i.png"><link href="s.css">', []],
    ['<a href="c" rel="nofollow">c</a><!-- <a href="d">d</a> -->', []],
    ['<script>"<a href=x>"</script><a href="e', []],
    ["<".repeat(100_000), []],
  ];
  for (const [html, expected] of found) {
    const hrefs = linksOf(html, new URL("http://x.test/a/b.html")).map(({ href }) => href);
    assertEquals(hrefs, expected, html.slice(0, 80));
  }
});
