// Checks of what the program gives, with errors that name the value and what was expected.

/**
 * Checks a limit on a number of bytes.
 * @throws {TypeError} If it is no number.
 * @throws {RangeError} If it is neither a whole number of bytes nor `Infinity`.
 */
export function checkLimit(name: string, limit: number): number {
  checkNumber(name, limit);
  if (limit === Infinity || (Number.isSafeInteger(limit) && limit >= 0)) return limit;
  throw new RangeError(
    `${name} must be a whole number of bytes or Infinity, not ${describe(limit)}`,
  );
}

/** @throws {TypeError} If it is no number. */
export function checkNumber(name: string, value: number, of: string = ""): void {
  if (typeof value === "number") return;
  throw new TypeError(`${name} must be a number${of}, not ${describe(value)}`);
}

/**
 * Checks a whole number in a range.
 * @throws {TypeError} If it is no number.
 * @throws {RangeError} If it is none in the range.
 */
export function checkInteger(
  name: string,
  value: number,
  lowest: number = 0,
  highest: number = Number.MAX_SAFE_INTEGER,
): number {
  checkNumber(name, value);
  if (Number.isSafeInteger(value) && value >= lowest && value <= highest) return value;
  throw new RangeError(
    `${name} must be a whole number, ${lowest} to ${highest}, not ${describe(value)}`,
  );
}

/**
 * Checks a switch.
 * @throws {TypeError} If it is neither `true` nor `false`.
 */
export function checkBoolean(name: string, value: boolean): boolean {
  if (typeof value === "boolean") return value;
  throw new TypeError(`${name} must be true or false, not ${describe(value)}`);
}

/** @throws {TypeError} If it is no object. */
export function checkObject(name: string, value: unknown): void {
  if (typeof value === "object" && value !== null) return;
  throw new TypeError(`${name} must be an object, not ${typeName(value)}`);
}

/** The names of all options of a kind: the compiler holds it complete. */
export type OptionNames<T> = { readonly [Name in keyof T]-?: 1 };

/**
 * Checks that options are an object, and that each of them is known: a misspelt limit would be no limit. (For a
 * read that has a `timeout` it takes 2 ns, and for a chat with four options 40 on Node and Deno, and 13 on Bun.)
 * @param known The names of all that is read of them.
 * @param name What the object is called, where it is one inside the options: `linger`.
 * @throws {TypeError} If they are no object, or an option is unknown.
 */
export function checkOptions<T extends object>(
  options: T,
  known: Readonly<Record<string, 1>>,
  name: string = "",
): T {
  checkObject(name || "options", options);
  for (const option in options) if (known[option] !== 1) refuse(option, known, name);
  return options;
}

/** Those of the options that have these names: what an inner room is given of what was checked at the door. */
export function pickOptions<T>(options: object, names: OptionNames<T>): T {
  const picked: Partial<T> = {};
  for (const name in names) {
    const value = (options as T)[name];
    if (value !== undefined) picked[name] = value;
  }
  return picked as T;
}

function refuse(option: string, known: Readonly<Record<string, 1>>, name: string): void {
  // What a program adds to all objects is not meant for this library.
  if (Object.prototype.propertyIsEnumerable.call(Object.prototype, option)) return;
  const within = name && `${name}.`;
  const names = Object.keys(known);
  // Of a short name another half may be right.
  const most = Math.min(3, Math.ceil(option.length / 2));
  const near = names.map((each) => ({ each, distance: editDistance(option, each) }))
    .filter(({ distance }) => distance <= most)
    .sort((a, b) => a.distance - b.distance)[0];
  const hint = near ? `did you mean ${within}${near.each}?` : `there are ${names.join(", ")}`;
  throw new TypeError(`unknown option ${within}${option}: ${hint}`);
}

/** How many letters have to be put in, left out or replaced to make one word of the other, in lower case. */
function editDistance(from: string, to: string): number {
  const [a, b] = [from.toLowerCase(), to.toLowerCase()];
  let row = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 0; i < a.length; i++) {
    const next = [i + 1];
    for (let j = 0; j < b.length; j++) {
      const replaced = row[j]! + (a[i] === b[j] ? 0 : 1);
      next.push(Math.min(replaced, next[j]! + 1, row[j + 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}

/**
 * Checks what is to be called.
 * @throws {TypeError} If it is no function.
 */
export function checkFunction(name: string, value: unknown, example: string = ""): void {
  if (typeof value === "function") return;
  throw new TypeError(`${name} must be a function${example}, not ${typeName(value)}`);
}

/** The longest time that a timer can wait: a longer one would fire at once. */
const LONGEST_TIMEOUT = 2 ** 31 - 1;

/**
 * Checks a time that may be waited, or not given at all.
 * @throws {TypeError} If it is no number.
 * @throws {RangeError} If it is neither one that a timer can wait nor `Infinity`.
 */
export function checkTimeout(name: string, timeout: number | undefined): void {
  if (timeout === undefined || timeout === Infinity) return;
  checkNumber(name, timeout, " of milliseconds");
  if (timeout >= 0 && timeout <= LONGEST_TIMEOUT) return;
  throw new RangeError(
    `${name} must be 0 to ${LONGEST_TIMEOUT} milliseconds, or Infinity, not ${describe(timeout)}`,
  );
}

/**
 * Checks what is to be an `AbortSignal`, or not given at all.
 * @throws {TypeError} If it is something else.
 */
export function checkSignal(signal: { addEventListener: unknown } | undefined): void {
  if (signal === undefined || typeof signal?.addEventListener === "function") return;
  throw new TypeError(`signal must be an AbortSignal, not ${typeName(signal)}`);
}

/** Whether it is an error, perhaps of another realm, for which `instanceof` is wrong. */
export function isError(value: unknown): value is Error {
  const tag = Object.prototype.toString.call(value);
  return tag === "[object Error]" || tag === "[object DOMException]" ||
    (typeof value === "object" && value !== null && isLikeError(value));
}

/** One whose class has given it another tag. */
function isLikeError({ name, message, stack }: Partial<Error>): boolean {
  return [name, message, stack].every((part) => typeof part === "string");
}

/** A value, in words for an error message, also one that cannot become a string. */
export function describe(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  try {
    return String(value);
  } catch {
    return typeName(value);
  }
}

/** The type of a value, in words for an error message. */
export function typeName(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value !== "object") return typeof value;
  return value.constructor?.name || "object";
}
