/**
 * `@std/assert`, by its names and signatures, on top of `node:assert/strict`: JSR is not needed to run the tests.
 * Only functions that the real one has, and that the tests use.
 */
import assert_ from "node:assert/strict";

// deno-lint-ignore no-explicit-any -- as in the real one: a class with any constructor
type ErrorClass<E extends Error> = abstract new (...args: any[]) => E;

export function assert(expr: unknown, msg = ""): asserts expr {
  assert_.ok(expr, msg || undefined);
}

export function assertEquals<T>(actual: T, expected: T, msg?: string): void {
  assert_.deepEqual(actual, expected, msg);
}

export function assertStrictEquals<T>(
  actual: unknown,
  expected: T,
  msg?: string,
): asserts actual is T {
  assert_.equal(actual, expected, msg);
}

// deno-lint-ignore no-explicit-any -- as in the real one
export function assertInstanceOf<T extends abstract new (...args: any[]) => any>(
  actual: unknown,
  expectedType: T,
  msg?: string,
): asserts actual is InstanceType<T> {
  assert_.ok(actual instanceof expectedType, msg ?? `${actual} is no ${expectedType.name}`);
}

export function assertStringIncludes(actual: string, expected: string, msg?: string): void {
  assert_.ok(actual.includes(expected), msg ?? `${JSON.stringify(actual)} lacks ${expected}`);
}

export function assertMatch(actual: string, expected: RegExp, msg?: string): void {
  assert_.match(actual, expected, msg);
}

export function assertLess<T>(actual: T, expected: T, msg?: string): void {
  assert_.ok(actual < expected, msg ?? `${actual} is not less than ${expected}`);
}

export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  ErrorClass: ErrorClass<E>,
  msgIncludes = "",
  msg?: string,
): E {
  try {
    fn();
  } catch (error) {
    return checkError(error, ErrorClass, msgIncludes, msg);
  }
  return assert_.fail(msg ?? `no ${ErrorClass.name} was thrown`);
}

export async function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  ErrorClass: ErrorClass<E>,
  msgIncludes = "",
  msg?: string,
): Promise<E> {
  try {
    await fn();
  } catch (error) {
    return checkError(error, ErrorClass, msgIncludes, msg);
  }
  return assert_.fail(msg ?? `no ${ErrorClass.name} was thrown`);
}

function checkError<E extends Error>(
  error: unknown,
  ErrorClass: ErrorClass<E>,
  msgIncludes: string,
  msg: string | undefined,
): E {
  if (!(error instanceof ErrorClass)) {
    throw new assert_.AssertionError({
      message: msg ?? `expected ${ErrorClass.name}, not ${error}`,
      actual: error,
    });
  }
  assertStringIncludes(error.message, msgIncludes, msg);
  return error;
}
