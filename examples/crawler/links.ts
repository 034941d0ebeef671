import { Parser } from "htmlparser2";

/** Where links of a page lead: to pages that can be asked for, each once, without the part behind `#`. */
export function linksOf(html: string, page: URL): URL[] {
  let base = page;
  const found = new Map<string, URL>();
  const parser = new Parser({
    onopentag(name, { href, rel }) {
      if (href === undefined || !URL.canParse(href, base.href)) return;
      const url = new URL(href, base);
      if (name === "base") base = url;
      if (name !== "a" && name !== "area") return;
      // Whoever wrote the page asks not to follow it.
      if (/\bnofollow\b/i.test(rel ?? "")) return;
      url.hash = "";
      if (url.protocol === "http:" || url.protocol === "https:") found.set(url.href, url);
    },
  });
  parser.end(html);
  return [...found.values()];
}
