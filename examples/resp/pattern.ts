/** Whether a text is like a pattern of `KEYS`: `*` and `?` stand for anything, `[a-c]` and `[^a]` for some characters. */
export function matches(pattern: string, text: string): boolean {
  let [at, place] = [0, 0];
  /** Where the last `*` was, and how far what it stands for goes. */
  let [star, starPlace] = [-1, 0];
  while (place < text.length) {
    const next = pattern[at] === "*" ? undefined : matchOne(pattern, at, text[place]!);
    if (next !== undefined) [at, place] = [next, place + 1];
    else if (pattern[at] === "*") [star, starPlace, at] = [at, place, at + 1];
    else if (star >= 0) [at, place] = [star + 1, ++starPlace]; // it stands for one character more
    else return false;
  }
  while (pattern[at] === "*") at++;
  return at >= pattern.length;
}

/** Where the pattern goes on if what stands at that place is like the character. */
function matchOne(pattern: string, at: number, character: string): number | undefined {
  const symbol = pattern[at];
  if (symbol === undefined) return undefined;
  if (symbol === "?") return at + 1;
  if (symbol === "[") {
    const close = pattern.indexOf("]", at + 1);
    const end = close < 0 ? pattern.length : close; // all that follows, as in Redis
    return inClass(pattern.slice(at + 1, end), character) ? end + 1 : undefined;
  }
  if (symbol === "\\" && at + 1 < pattern.length) {
    return pattern[at + 1] === character ? at + 2 : undefined;
  }
  return symbol === character ? at + 1 : undefined;
}

function inClass(members: string, character: string): boolean {
  const isNegated = members.startsWith("^");
  let found = false;
  for (let at = isNegated ? 1 : 0; at < members.length; at++) {
    const [first, dash, last] = members.slice(at, at + 3);
    if (dash === "-" && last !== undefined) {
      found ||= first! <= character && character <= last;
      at += 2;
    } else found ||= first === character;
  }
  return found !== isNegated;
}
