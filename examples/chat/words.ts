import { Refusal } from "./refusal.ts";

/** What would not be seen as it was said: control characters, further ends of lines, and what turns the writing direction. */
const UNSAFE = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;
const EVERY_UNSAFE = new RegExp(UNSAFE.source, "gu");

/**
 * What is said, as others may see it.
 * @throws {Refusal} If it has characters that are not shown.
 */
export function toWords(text: string): string {
  const words = text.replaceAll("\t", " ");
  const at = words.search(UNSAFE);
  if (at < 0) return words;
  throw new Refusal(`a line must not contain control characters: U+${codeOf(words[at]!)} is one`);
}

/** Something that may be anything, between quotes, so that it can be shown. */
export function quote(text: string): string {
  return JSON.stringify(text).replaceAll(EVERY_UNSAFE, (character) => `\\u${codeOf(character)}`);
}

function codeOf(character: string): string {
  return character.charCodeAt(0).toString(16).toUpperCase().padStart(4, "0");
}

/** Whether that came from `toWords()`, elsewhere. */
export function isWords(value: unknown): value is string {
  return typeof value === "string" && !UNSAFE.test(value);
}
