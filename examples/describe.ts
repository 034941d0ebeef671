/** A piece of data, in words: `8 bytes  "ECHO 166"`. */
export function describe(data: Uint8Array | string): string {
  const bytes = typeof data === "string" ? new TextEncoder().encode(data) : data;
  const beginning = new TextDecoder().decode(bytes.subarray(0, 40));
  return `${bytes.length} bytes  ${JSON.stringify(beginning)}${bytes.length > 40 ? "..." : ""}`;
}
