/** The HTTP server as a program, with clients that nobody here wrote. */
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { Agent, request } from "node:http";
import { connect } from "node:net";
import { test } from "node:test";
import { assert, assertEquals, assertMatch } from "@std/assert";
import { ExampleServer } from "../support/examples.ts";
import { Folder } from "../support/folder.ts";
import { PATIENCE } from "../support/limits.ts";
import { peerTest } from "../support/test_with_peer.ts";
import { shellOutput } from "../support/shell.ts";

const SECONDS = Math.ceil(PATIENCE / 1_000);

peerTest("curl", "curl gets, counts, and uploads, by HTTP/1.1 and 1.0", async () => {
  await using server = await ExampleServer.start("http_server", "--max-body", "6000000");
  using folder = new Folder();
  const { url } = server;
  const data = randomBytes(5_000_000);
  const digest = `${data.length} bytes, SHA-256 ${createHash("sha256").update(data).digest("hex")}`;
  const file = folder.write("upload", data);
  const hello = "hello, ada\n";
  const numbers = Array.from({ length: 100 }, (_, i) => `${i + 1}\n`).join("");
  const expect = `-H 'Expect: 100-continue' --expect100-timeout ${SECONDS}`;
  const tooLarge = `head -c 7000000 /dev/zero | curl -s -m ${SECONDS} -w ' %{http_code}'`;
  const commands: readonly (readonly [line: string, output: string | RegExp])[] = [
    [`${url}/hello/ada`, hello],
    [`--http1.0 ${url}/hello/ada`, hello],
    [`--head ${url}/hello/ada`, /^HTTP\/1\.1 200 OK\r\n[^]*Content-Length: 11\r\n\r\n$/],
    [`${url}/count?to=100`, numbers],
    [`--http1.0 ${url}/count?to=100`, numbers],
    [`"${url}/hello/[1-50]"`, /^(hello, \d+\n){50}$/],
    [`--upload-file ${file} ${url}/digest`, `${digest}\n`],
    [`--upload-file - ${url}/digest < ${file}`, `${digest}\n`],
    [`--http1.0 --upload-file ${file} ${url}/digest`, `${digest}\n`],
    [`-T ${file} ${url}/echo | cmp - ${file}`, ""],
    [`--data-binary @${file} ${expect} -v ${url}/digest 2>&1`, /< HTTP\/1\.1 100 Continue/],
    [`${expect} -d hello ${url}/echo --next -s ${url}/hello/ada`, `hello${hello}`],
    [
      `-w '%{http_code} %{num_connects}' -o /dev/null ${url}/none --next -s ${url}/ -o /dev/null -w ' %{num_connects}'`,
      "404 1 0",
    ],
    [`-X DELETE -w '%{http_code}' -o /dev/null ${url}/echo`, "405"],
    [`-w '%{http_code}' -o /dev/null "${url}/hello/%zz"`, "400"],
    // It is told before it has sent all of a body that is too large.
    [`${url}/ > /dev/null; ${tooLarge} --data-binary @- ${url}/digest`, / 413$/],
    [`${url}/ > /dev/null; ${tooLarge} -T - ${url}/digest`, / 413$/],
  ];
  for (const [line, output] of commands) {
    const heard = await shellOutput(`curl -s -m ${SECONDS} ${line}`);
    if (typeof output === "string") assertEquals(heard, output, line);
    else assertMatch(heard, output, line);
  }
});

peerTest("wrk", "wrk keeps 50 connections busy, and finds no error", async () => {
  await using server = await ExampleServer.start("http_server");
  const line = `wrk -t2 -c50 -d1 --timeout ${SECONDS} ${server.url}/hello/x`;
  const report = await shellOutput(line);
  assertMatch(report, /Requests\/sec/);
  assert(!/Socket errors|Non-2xx/.test(report), report);
});

test("Node's client keeps its connections to the HTTP server, and streams both ways", async () => {
  await using server = await ExampleServer.start("http_server");
  const agent = new Agent({ keepAlive: true, maxSockets: 2 });
  const ports = new Set<number>();
  const ask = async (path: string, body?: Uint8Array): Promise<string> => {
    const asked = request(server.url + path, { agent, method: body ? "POST" : "GET" });
    asked.end(body);
    const [response] = await once(asked, "response");
    ports.add(response.socket.localPort);
    let text = "";
    for await (const piece of response) text += piece;
    return text;
  };
  const answers = await Promise.all(Array.from({ length: 50 }, (_, i) => ask(`/hello/${i}`)));
  assertEquals(answers, Array.from({ length: 50 }, (_, i) => `hello, ${i}\n`));
  assertEquals((await ask("/echo", new Uint8Array(500_000).fill(65))).length, 500_000);
  assertEquals(await ask("/count?to=3"), "1\n2\n3\n");
  assertEquals(ports.size, 2);
  agent.destroy();
});

test("fetch() of this runtime talks to the HTTP server, which goes on when clients vanish, and stops at Ctrl-C", async () => {
  await using server = await ExampleServer.start("http_server");
  for (let i = 0; i < 20; i++) {
    const socket = connect(server.port, "127.0.0.1");
    await once(socket, "connect");
    socket.write("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nabc");
    socket.resetAndDestroy();
  }
  const headers = { "content-type": "text/x" };
  const posted = await fetch(`${server.url}/echo`, { method: "POST", body: "hello", headers });
  assertEquals([posted.headers.get("content-type"), await posted.text()], ["text/x", "hello"]);
  const many = Array.from({ length: 50 }, (_, i) => fetch(`${server.url}/hello/${i}`));
  const texts = (await Promise.all(many)).map((response) => response.text());
  assertEquals(await Promise.all(texts), Array.from(many, (_, i) => `hello, ${i}\n`));
  const head = await fetch(`${server.url}/count?to=3`, { method: "HEAD" });
  assertEquals([head.status, await head.text()], [200, ""]);
  const waiting = connect(server.port, "127.0.0.1").on("error", () => {});
  await once(waiting, "connect");
  await server.stop();
  waiting.destroy();
});
