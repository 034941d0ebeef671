import { Refusal } from "./refusal.ts";

/** What would not be seen as it was said: control characters, further ends of lines, and what turns the writing direction. */
const UNSAFE = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;

/**
 * What is said, as others may see it.
 * @throws {Refusal} If it has characters that are not shown.
 */
export function toWords(text: string): string {
  const words = text.replaceAll("\t", " ");
  const at = words.search(UNSAFE);
  if (at < 0) return words;
  const code = words.codePointAt(at)!.toString(16).toUpperCase().padStart(4, "0");
  throw new Refusal(`a line must not contain control characters: U+${code} is one`);
}

/** Whether that came from `toWords()`, elsewhere. */
export function isWords(value: unknown): value is string {
  return typeof value === "string" && !UNSAFE.test(value);
}
