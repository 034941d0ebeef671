/** What stands behind `MAIL FROM:` and `RCPT TO:`: an address, and parameters (RFC 5321, section 4.1.2). */
export interface Path {
  /** `ada@example.com`; empty in `MAIL FROM:<>`, of what reports that a mail could not be delivered. */
  readonly address: string;
  /** Parameters, their names in capitals: `SIZE=1000`, `BODY=8BITMIME`. */
  readonly parameters: ReadonlyMap<string, string>;
}

const ATOM = "[A-Za-z0-9!#$%&'*+/=?^_`{|}~\\u0080-\\u{10ffff}-]+";
const QUOTED = '"(?:[\\x20\\x21\\x23-\\x5b\\x5d-\\x7e]|\\\\[\\x20-\\x7e])*"';
const LABEL =
  "[A-Za-z0-9\\u0080-\\u{10ffff}](?:[A-Za-z0-9\\u0080-\\u{10ffff}-]*[A-Za-z0-9\\u0080-\\u{10ffff}])?";
const DOMAIN = `${LABEL}(?:\\.${LABEL})*`;
const MAILBOX = new RegExp(
  `^(?<local>${ATOM}(?:\\.${ATOM})*|${QUOTED})@(?<domain>${DOMAIN}|\\[[0-9A-Fa-f.:]+\\]|\\[IPv6:[0-9A-Fa-f.:]+\\])$`,
  "u",
);
/** A route before the address is passed over (appendix C). */
const ROUTE = new RegExp(`^@${DOMAIN}(?:,@${DOMAIN})*:`, "u");

/** Reads a path behind its keyword, `FROM` or `TO`; `undefined` if it is none. */
export function parsePath(keyword: "FROM" | "TO", words: string): Path | undefined {
  // A space before the "<" is wrong, and common.
  const [, inner, rest = ""] =
    words.match(new RegExp(`^${keyword}: ?<([^<>]*)>((?: +[^ ]+)*)$`, "i")) ?? [];
  if (inner === undefined) return undefined;
  const address = inner.replace(ROUTE, "");
  if (!isMailbox(address) && !(keyword === "FROM" && address === "")) return undefined;
  const parameters = new Map<string, string>();
  for (const parameter of rest.split(" ").filter((word) => word !== "")) {
    const [, name, value = ""] =
      parameter.match(/^([A-Za-z0-9][A-Za-z0-9-]*)(?:=([\x21-\x3c\x3e-\x7e]+))?$/) ?? [];
    if (name === undefined) return undefined;
    parameters.set(name.toUpperCase(), value);
  }
  return { address, parameters };
}

/** Lengths are those of section 4.5.3.1. */
function isMailbox(address: string): boolean {
  if (/^postmaster$/i.test(address)) return true; // section 4.5.1
  const { local = "", domain = "" } = address.match(MAILBOX)?.groups ?? {};
  return local !== "" && local.length <= 64 && domain.length <= 255;
}
