/** The crawler's parts that need no network. */
import { test } from "node:test";
import { assertEquals } from "@std/assert";
import type { Page } from "../../../examples/crawler/crawl.ts";
import { linksOf } from "../../../examples/crawler/links.ts";
import { formatTree } from "../../../examples/crawler/tree.ts";

const START = new URL("http://x.test/a/b.html");
const links = (html: string): string[] => linksOf(html, START).map(({ href }) => href);

test("linksOf() finds where links lead, each once", () => {
  assertEquals(links(`<a href="c.html">c</a> <A HREF='/d'>d</A> <a href=../e?f=g&amp;h>e</a>`), [
    "http://x.test/a/c.html",
    "http://x.test/d",
    "http://x.test/e?f=g&h",
  ]);
  assertEquals(links('<a href="#top">t</a><a href="b.html#x">b</a>'), ["http://x.test/a/b.html"]);
  assertEquals(links('<map><area href="//y.test/z"></map>'), ["http://y.test/z"]);
  assertEquals(links('<base href="/sub/"><a href="c">c</a>'), ["http://x.test/sub/c"]);
});

test("linksOf() passes over what is no link to a page, and what it should not follow", () => {
  assertEquals(links('<a>x</a><a href="mailto:a@x.test">m</a><a href="javascript:f()">j</a>'), []);
  assertEquals(links('<a href="http://[/">bad</a><img src="i.png"><link href="s.css">'), []);
  assertEquals(links('<a href="c" rel="nofollow">c</a><!-- <a href="d">d</a> -->'), []);
  assertEquals(links('<script>"<a href=x>"</script><a href="e'), []);
  assertEquals(links(""), []);
  assertEquals(links("<".repeat(100_000)), []);
});

function page(path: string, parent?: Page): Page {
  const rest = { depth: 0, number: 0, status: 200, length: 0, milliseconds: 0, problem: undefined };
  return { ...rest, url: new URL(path, START), parent };
}

test("formatTree() draws each page below the one that has led to it", () => {
  const root = page("/");
  const [a, b] = [page("/a?x=1", root), page("/b", root)];
  const [a1, a2] = [page("/a1", a), page("/a2", a)];
  const b1 = page("/b1", b);
  const tree = formatTree([root, a, b, a1, a2, b1], ({ status }) => ` ${status}`);
  assertEquals(tree.split("\n"), [
    "http://x.test/ 200",
    "├── /a?x=1 200",
    "│   ├── /a1 200",
    "│   └── /a2 200",
    "└── /b 200",
    "    └── /b1 200",
  ]);
  const chain = [root];
  for (let i = 0; i < 10_000; i++) chain.push(page(`/${i}`, chain.at(-1)!));
  assertEquals(formatTree(chain.slice(0, 3_000), () => "").split("\n").length, 3_000);
});
