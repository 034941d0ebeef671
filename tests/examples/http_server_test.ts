/** The HTTP server as a program, with clients that nobody here wrote. */
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { Agent, request } from "node:http";
import { connect as connectSocket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { assert, assertEquals, assertMatch, assertStrictEquals } from "@std/assert";
import { named, needs } from "../support/peers.ts";
import { command, CURRENT, Program, run } from "../support/programs.ts";
import { shellOutput } from "../support/shell.ts";

async function withServer(
  work: (url: string, program: Program) => Promise<void>,
  ...args: string[]
): Promise<void> {
  const words = command(CURRENT, "examples/http_server.ts", "--port", "0", ...args);
  await using program = new Program(words);
  await work(`http://127.0.0.1:${await program.listening()}`, program);
}

const curl = needs("curl");

test(
  named("curl gets, counts, and uploads from a file, by HTTP/1.1 and 1.0", curl),
  curl,
  () =>
    withServer(async (url) => {
      const folder = mkdtempSync(join(tmpdir(), "asynchat-"));
      const file = join(folder, "upload");
      const data = randomBytes(5_000_000);
      const digest = `${data.length} bytes, SHA-256 ${
        createHash("sha256").update(data).digest("hex")
      }\n`;
      writeFileSync(file, data);
      try {
        const lines = Array.from({ length: 100 }, (_, i) => `${i + 1}\n`).join("");
        const commands: readonly (readonly [line: string, output: string | RegExp])[] = [
          [`${url}/hello/ada`, "hello, ada\n"],
          [`--http1.0 ${url}/hello/ada`, "hello, ada\n"],
          [`--head ${url}/hello/ada`, /^HTTP\/1\.1 200 OK\r\n[^]*Content-Length: 11\r\n\r\n$/],
          [`${url}/count?to=100`, lines],
          [`--http1.0 ${url}/count?to=100`, lines],
          [
            `"${url}/hello/[1-50]"`,
            Array.from({ length: 50 }, (_, i) => `hello, ${i + 1}\n`).join(""),
          ],
          [`--upload-file ${file} ${url}/digest`, digest],
          [`--upload-file - ${url}/digest < ${file}`, digest],
          [`--http1.0 --upload-file ${file} ${url}/digest`, digest],
          [`--upload-file ${file} ${url}/echo | sha256sum`, /^[\da-f]{64}/],
          [
            `--data-binary @${file} -H 'Expect: 100-continue' -v ${url}/digest 2>&1`,
            /< HTTP\/1\.1 100 Continue/,
          ],
          [
            `-w '%{http_code} %{num_connects}' -o /dev/null ${url}/none --next -s ${url}/ -o /dev/null -w ' %{num_connects}'`,
            "404 1 0",
          ],
          [`-X DELETE -w ' %{http_code}' ${url}/echo`, "not with DELETE\n 405"],
          [`-w ' %{http_code}' "${url}/count?to=x"`, "to must be a whole number\n 400"],
          [`-w ' %{http_code}' "${url}/hello/%zz"`, 'a name cannot be "%zz"\n 400'],
          [
            `--expect100-timeout 20 -H 'Expect: 100-continue' -d hello ${url}/echo --next -s ${url}/hello/x`,
            "hellohello, x\n",
          ],
          [`-w ' %{http_code}' -H 'X: ${"x".repeat(40_000)}' ${url}/`, / 431$/],
          [`-w '%{http_code}' -o /dev/null ${url}/${"x".repeat(9_000)}`, "414"],
          [`-H 'Expect: miracles' -d x -w ' %{http_code}' ${url}/echo`, / 417$/],
          [
            `-H 'Transfer-Encoding: gzip, chunked' -d x -o /dev/null -w '%{http_code}' ${url}/echo`,
            "501",
          ],
          [`-H 'Range: bytes=0-3' ${url}/hello/ada`, "hello, ada\n"],
        ];
        for (const [line, output] of commands) {
          const heard = await shellOutput(`curl -s -m 20 ${line}`);
          if (typeof output === "string") assertStrictEquals(heard, output, line);
          else assertMatch(heard, output, line);
        }
        const copy = await shellOutput(
          `curl -s -T ${file} ${url}/echo | cmp - ${file} && echo same`,
        );
        assertStrictEquals(copy, "same\n");
      } finally {
        rmSync(folder, { recursive: true });
      }
    }),
);

test(
  named("curl is told that a body is too large, before it has sent it", curl),
  curl,
  () =>
    withServer(
      async (url) => {
        for (const encoding of ["", "-H 'Transfer-Encoding: chunked'"]) {
          const line =
            `head -c 3000000 /dev/zero | curl -s -m 20 ${encoding} -w ' %{http_code}' --data-binary @- ${url}/digest`;
          assertStrictEquals(
            await shellOutput(line),
            "a body must be at most 1000000 bytes long\n 413",
          );
        }
      },
      "--max-body",
      "1000000",
    ),
);

const nc = needs("nc");
test(
  named("nc asks what no client would, and is answered, or refused", nc),
  nc,
  () =>
    withServer(async (url) => {
      const { port } = new URL(url);
      const odd: readonly (readonly [input: string, output: RegExp])[] = [
        [
          "GET /hello/a HTTP/1.1\\r\\nHost: x\\r\\n\\r\\nGET /hello/b HTTP/1.1\\r\\nHost: x\\r\\nConnection: close\\r\\n\\r\\n",
          /hello, a\n[^]*hello, b\n$/,
        ],
        ["GET / HTTP/1.1\\nHost: x\\n\\n", /^HTTP\/1\.1 400 /],
        [
          "POST /echo HTTP/1.1\\r\\nHost: x\\r\\nContent-Length: 3\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n0\\r\\n\\r\\nGET /smuggled HTTP/1.1\\r\\n\\r\\n",
          /^HTTP\/1\.1 400 (?:(?!HTTP\/1\.1 \d)[^])*$/,
        ],
        ["PRI * HTTP/2.0\\r\\n\\r\\nSM\\r\\n\\r\\n", /^HTTP\/1\.1 505 /],
        ["\\026\\003\\001\\002\\000\\001", /^HTTP\/1\.1 400 /],
      ];
      for (const [input, output] of odd) {
        assertMatch(
          await shellOutput(`printf '${input}' | nc -N 127.0.0.1 ${port}`),
          output,
          input,
        );
      }
    }),
);

const wrk = needs("wrk");
test(
  named("wrk keeps 50 connections busy, and finds no error", wrk),
  wrk,
  () =>
    withServer(async (url) => {
      const report = await shellOutput(`wrk -t2 -c50 -d1 ${url}/hello/x`);
      assertMatch(report, /Requests\/sec/);
      assert(!/Socket errors|Non-2xx/.test(report), report);
    }),
);

test("Node's client keeps its connections, and streams both ways", () =>
  withServer(async (url) => {
    const agent = new Agent({ keepAlive: true, maxSockets: 2 });
    const ports = new Set<number>();
    const ask = async (path: string, body?: Uint8Array): Promise<string> => {
      const asked = request(url + path, { agent, method: body ? "POST" : "GET" });
      asked.end(body);
      const [response] = await once(asked, "response");
      ports.add(response.socket.localPort);
      let text = "";
      for await (const piece of response) text += piece;
      return text;
    };
    try {
      const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => ask(`/hello/${i}`)));
      assertEquals(answers, Array.from({ length: 50 }, (_, i) => `hello, ${i}\n`));
      assertEquals((await ask("/echo", new Uint8Array(500_000).fill(65))).length, 500_000);
      assertEquals(await ask("/count?to=3"), "1\n2\n3\n");
      assertEquals(ports.size, 2);
    } finally {
      agent.destroy();
    }
  }));

test("fetch() of this runtime gets, posts, and streams", () =>
  withServer(async (url) => {
    assertEquals(await (await fetch(`${url}/hello/ada`)).text(), "hello, ada\n");
    const posted = await fetch(`${url}/echo`, {
      method: "POST",
      body: "hello",
      headers: { "content-type": "text/x" },
    });
    assertEquals([posted.headers.get("content-type"), await posted.text()], ["text/x", "hello"]);
    const many = await Promise.all(
      Array.from({ length: 50 }, (_, i) => fetch(`${url}/hello/${i}`)),
    );
    const texts = await Promise.all(many.map((response) => response.text()));
    assertEquals(texts, Array.from({ length: 50 }, (_, i) => `hello, ${i}\n`));
    const head = await fetch(`${url}/count?to=3`, { method: "HEAD" });
    assertEquals([head.status, await head.text()], [200, ""]);
    const missing = await fetch(`${url}/none`);
    assertEquals([missing.status, await missing.text()], [404, "there is no /none\n"]);
  }));

test("the HTTP server goes on when clients vanish, and stops at Ctrl-C", () =>
  withServer(async (url, program) => {
    const port = Number(new URL(url).port);
    for (let i = 0; i < 20; i++) {
      const socket = connectSocket(port, "127.0.0.1");
      await once(socket, "connect");
      socket.write("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc");
      socket.resetAndDestroy();
    }
    const waiting = connectSocket(port, "127.0.0.1").on("error", () => {});
    await once(waiting, "connect");
    assertEquals(await (await fetch(`${url}/hello/ada`)).text(), "hello, ada\n");
    const { code, lines, stderr } = await program.interrupt();
    assertEquals([code, lines.at(-1), stderr], [0, "stopped", ""]);
    waiting.destroy();
  }));

test("the HTTP server says what is wrong with how it was started", async () => {
  const bad = await run(command(CURRENT, "examples/http_server.ts", "--max-body", "1k"));
  assertEquals([bad.code, bad.stderr.trim()], [2, '--max-body must be a number, not "1k"']);
  const help = await run(command(CURRENT, "examples/http_server.ts", "--help"));
  assertEquals([help.code, help.lines[0]?.startsWith("usage: http_server")], [0, true]);
});
