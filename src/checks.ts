/**
 * Checks a limit on a number of bytes.
 * @throws {RangeError} If it is neither a whole number of bytes nor `Infinity`.
 */
export function checkLimit(name: string, limit: number): number {
  if (limit === Infinity || (Number.isSafeInteger(limit) && limit >= 0)) return limit;
  throw new RangeError(
    `${name} must be a whole number of bytes or Infinity, not ${describe(limit)}`,
  );
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
  if (typeof value !== "number") {
    throw new TypeError(`${name} must be a number, not ${nameOf(value)}`);
  }
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

/** A value, in words for an error message, also one that cannot become a string. */
export function describe(value: unknown): string {
  if (typeof value === "string") return JSON.stringify(value);
  try {
    return String(value);
  } catch {
    return nameOf(value);
  }
}

/** The type of a value, in words for an error message. */
export function nameOf(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value !== "object") return typeof value;
  return value.constructor?.name || "object";
}
