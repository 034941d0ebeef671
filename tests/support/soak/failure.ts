/** The library broke a promise. */
export class SoakFailure extends Error {}

export function describe(value: unknown): string {
  if (value instanceof Error) return `${value.stack ?? value}`;
  if (value instanceof Uint8Array) return `${value.length} bytes`;
  return JSON.stringify(value)?.slice(0, 100) ?? String(value);
}
