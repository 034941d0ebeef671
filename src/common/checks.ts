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

/**
 * Checks an object of options.
 * @throws {TypeError} If it is no object.
 */
export function checkOptions<T extends object>(options: T, name: string = "options"): T {
  if (typeof options === "object" && options !== null) return options;
  throw new TypeError(`${name} must be an object, not ${typeName(options)}`);
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
