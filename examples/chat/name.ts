import { Refusal } from "./refusal.ts";
import { quote } from "./words.ts";

/** How long a name is at most, in characters. */
const LONGEST = 20;

/** Letters of any script, with the marks that some need. What begins a line of the server's own cannot begin a name. */
const NAME = /^\p{L}[\p{L}\p{M}\p{N}_-]*$/u;

/**
 * A name as it is shown.
 * @param what What it names: `"a name"`, `"a room"`.
 * @throws {Refusal} If it is none.
 */
export function toName(what: string, text: string): string {
  const name = text.normalize("NFC");
  const length = [...name].length;
  if (length > LONGEST) {
    throw new Refusal(`${what} has at most ${LONGEST} characters, not ${length}`);
  }
  if (NAME.test(name)) return name;
  throw new Refusal(
    `${what} is a letter, and then letters, digits, - and _, not ${quote(name)}`,
  );
}

/** The name of a room, which is shown as it is compared. */
export function toRoom(text: string): string {
  return keyOf(toName("a room", text));
}

/** As what a name is compared: `Ada` and `ada` are one. */
export function keyOf(name: string): string {
  return name.normalize("NFKC").toLowerCase();
}

/** Whether that came from `toName()`, elsewhere. */
export function isName(value: unknown): value is string {
  return typeof value === "string" && value.length <= 4 * LONGEST && NAME.test(value);
}
