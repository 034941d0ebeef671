/** The crawler as a program, on sites that are served by programs nobody here wrote. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { assert, assertEquals, assertLess, assertMatch } from "@std/assert";
import { named, needs } from "../support/peers.ts";
import { command, CURRENT, type Output, Program, run } from "../support/programs.ts";

const crawler = (...args: string[]): string[] => command(CURRENT, "examples/crawler.ts", ...args);
const crawl = (...args: string[]): Promise<Output> => run(crawler(...args));

const PAGES: Readonly<Record<string, string>> = {
  "index.html":
    '<a href="a.html">a</a> <a href="sub/">sub</a> <a href="http://elsewhere.invalid/">e</a>',
  "a.html": '<a href="index.html#top">back</a> <a href="b.html">b</a>',
  "b.html": "nothing here",
  "sub/index.html": '<a href="../a.html">a</a><a href="c.html">c</a>',
  "sub/c.html": '<a href="/">home</a>',
};

/** What is printed, without what is never the same. */
const shown = ({ lines }: Output, url: string): string[] =>
  lines.map((line) => line.replace(url, "/").replace(/ {2}\d+ bytes {2}\d+ ms$/, ""));

async function withFolder(work: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "asynchat-"));
  try {
    for (const [name, html] of Object.entries(PAGES)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), html);
    }
    await work(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const python = needs("/usr/bin/python3");
for (const protocol of ["HTTP/1.0", "HTTP/1.1"]) {
  test(
    named(`the crawler walks a site that Python's http.server serves by ${protocol}`, python),
    python,
    () =>
      withFolder(async (folder) => {
        const script = `import functools, http.server as s
class Handler(s.SimpleHTTPRequestHandler):
    protocol_version = "${protocol}"
server = s.ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(Handler, directory="${folder}"))
print(server.server_address[1], flush=True)
server.serve_forever()`;
        const server = spawn("/usr/bin/python3", ["-c", script], {
          stdio: ["ignore", "pipe", "ignore"],
        });
        try {
          const [port] = await once(createInterface({ input: server.stdout }), "line");
          const url = `http://127.0.0.1:${port}/`;
          const output = await crawl(url);
          assertEquals(shown(output, url), [
            "/  200",
            "├── /a.html  200",
            "│   ├── /index.html  200",
            "│   └── /b.html  200",
            "└── /sub/  200",
            "    └── /sub/c.html  200",
            `6 pages, ${
              Object.values(PAGES).join("").length + PAGES["index.html"]!.length
            } bytes, 0 failed`,
          ], output.stderr);
          assertEquals(output.code, 0);
        } finally {
          server.kill("SIGKILL");
          await once(server, "exit");
        }
      }),
  );
}

async function withSite(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
  work: (url: string) => Promise<void>,
): Promise<void> {
  const server = createServer((request, response) => {
    response.setHeader("content-type", "text/html");
    answer(request, response);
  });
  await once(server.listen(0, "127.0.0.1"), "listening");
  try {
    await work(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  } finally {
    server.closeAllConnections();
    server.close();
  }
}

test("the crawler asks for as many pages at a time as it may, and for each once", () => {
  let [now, most, asked] = [0, 0, 0];
  const sockets = new Set<unknown>();
  return withSite(({ url = "", socket }, response) => {
    if (url === "/robots.txt") return void response.writeHead(404).end();
    asked++;
    sockets.add(socket);
    most = Math.max(most, ++now);
    setImmediate(() => {
      now--;
      const n = Number(url.slice(1) || 0);
      response.end(
        [2 * n + 1, 2 * n + 2].filter((i) => i < 200).map((i) => `<a href="/${i}">`).join(""),
      );
    });
  }, async (url) => {
    const { code, lines, stderr } = await crawl(url, "--concurrency", "5");
    assertEquals([code, stderr], [0, ""]);
    assertMatch(lines.at(-1)!, /^200 pages, \d+ bytes, 0 failed$/);
    assertEquals(asked, 200);
    assertLess(1, most);
    assert(most <= 5 && sockets.size <= 6, `${most} at a time, ${sockets.size} connections`);
  });
});

test("the crawler tells what went wrong at each page, and goes on", () =>
  withSite(({ url }, response) => {
    switch (url) {
      case "/robots.txt":
        return response.end("User-agent: *\nDisallow: /private\n");
      case "/":
        return response.end(
          ["gone", "broken", "loop", "private/x", "moved", "fine"].map((path) =>
            `<a href="/${path}">`
          ).join(""),
        );
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
    assertMatch(lines[2]!, /^├── \/broken {2}the stream ended 4 bytes into a frame/);
    assertMatch(lines[3]!, /^├── \/loop {2}more than 10 redirects/);
    assertEquals(lines.slice(4, 6), ["├── /moved  200", "└── /fine  200"]);
    assertMatch(lines[6]!, /^6 pages, \d+ bytes, 3 failed$/);
  }));

test("the crawler follows no redirect to another site, nor to what robots.txt forbids", () => {
  const asked: string[] = [];
  return withSite(({ url = "" }, response) => {
    asked.push(url);
    response.end("elsewhere");
  }, (other) =>
    withSite(({ url = "" }, response) => {
      asked.push(url);
      const location = { "/away": other, "/back": "/private/x", "/on": "/fine" }[url];
      if (url === "/robots.txt") {
        return response.end("User-agent: *\nDisallow: /private\nCrawl-delay: x");
      }
      if (location !== undefined) return response.writeHead(302, { location }).end();
      return response.end(
        url === "/" ? '<a href="/away"><a href="/back"><a href="/on"><a href="#x">' : "fine",
      );
    }, async (url) => {
      const output = await crawl(`${url}#start`, "--concurrency", "1");
      assertEquals(shown(output, url), [
        "/  200",
        "├── /away  302",
        "├── /back  302",
        "└── /on  200",
        `4 pages, ${output.lines.at(-1)!.match(/\d+(?= bytes)/)} bytes, 0 failed`,
      ]);
      assertEquals(asked, ["/robots.txt", "/", "/away", "/back", "/on", "/fine"]);
    }));
});

test("the crawler asks for nothing where robots.txt forbids all, or cannot be read, and says so", () => {
  const asked: string[] = [];
  let answer = (_response: ServerResponse): unknown => undefined;
  return withSite(({ url = "" }, response) => {
    asked.push(url);
    answer(response);
  }, async (url) => {
    const answers: readonly (readonly [typeof answer, RegExp])[] = [
      [(response) => response.end("User-agent: *\nDisallow: /"), / {2}robots\.txt forbids it$/],
      [(response) => response.writeHead(503).end(), / {2}robots\.txt: the server answers 503$/],
      [(response) => response.destroy(), / {2}robots\.txt: .*(closed|reset)/],
    ];
    for (const [next, problem] of answers) {
      answer = next;
      const { code, lines } = await crawl(url);
      assertEquals([code, lines.length, lines[1]], [1, 2, "1 pages, 0 bytes, 1 failed"]);
      assertMatch(lines[0]!, problem);
    }
    assertEquals(asked, Array(3).fill("/robots.txt"));
  });
});

test("the crawler goes no deeper and no further than it was told to", () =>
  withSite(({ url = "" }, response) => response.end(`<a href="${url}x">`), async (url) => {
    assertEquals((await crawl(url, "--depth", "3")).lines.length, 5);
    assertEquals((await crawl(url, "--pages", "7")).lines.length, 8);
  }));

test("the crawler stops at Ctrl-C, and prints what it has found", () => {
  let asked = (): void => {};
  const waiting = new Promise<void>((resolve) => asked = resolve);
  return withSite(({ url }, response) => {
    if (url === "/") response.end('<a href="/never">');
    else if (url === "/never") asked();
    else response.end();
  }, async (url) => {
    await using program = new Program(crawler(url));
    await waiting;
    const { code, lines } = await program.interrupt();
    assertEquals(code, 1);
    assertMatch(lines[1]!, /^└── \/never {2}stopped/);
  });
});

test("the crawler says what is wrong with how it was started", async () => {
  for (const args of [[], ["nonsense"], ["http://a", "http://b"]]) {
    const { code, stderr } = await crawl(...args);
    assertEquals(code, 1);
    assertMatch(stderr, /^expected one URL, not/);
  }
  const none = await crawl("http://127.0.0.1:1/", "--concurrency", "0");
  assertEquals([none.code, none.stderr.trim()], [2, "--concurrency must be at least 1, not 0"]);
  assertEquals((await crawl("--help")).code, 0);
  assertMatch((await crawl("http://127.0.0.1:1/")).lines[0]!, /connection refused/);
});
