import type { Page } from "./crawl.ts";

/**
 * Pages as a tree: each below the one that has led to it first.
 *
 *     http://127.0.0.1:8000/  200  120 bytes  3 ms
 *     ├── /a.html  200  80 bytes  1 ms
 *     │   └── /b.html  404  9 bytes  1 ms
 *     └── /c.html  200  10 bytes  1 ms
 */
export function formatTree(pages: readonly Page[], describe: (page: Page) => string): string {
  const children = new Map<Page | undefined, Page[]>();
  for (const page of pages) {
    const siblings = children.get(page.parent) ?? [];
    siblings.push(page);
    children.set(page.parent, siblings);
  }
  const lines: string[] = [];
  /** What is still to be drawn, the next at the end: pages may lie as deep as there are any. */
  const waiting: [page: Page, before: string, branch: string][] = [];
  const add = (parent: Page | undefined, before: string): void => {
    const below = children.get(parent) ?? [];
    for (const [i, page] of [...below.entries()].reverse()) {
      const branch = parent === undefined ? "" : i === below.length - 1 ? "└── " : "├── ";
      waiting.push([page, before, branch]);
    }
  };
  add(undefined, "");
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const [page, before, branch] = next;
    const { url, parent } = page;
    const name = parent === undefined ? url.href : url.pathname + url.search;
    lines.push(before + branch + name + describe(page));
    add(page, before + { "": "", "├── ": "│   ", "└── ": "    " }[branch]);
  }
  return lines.join("\n");
}
