const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** The text as UTF-8. */
export function bytes(text: string): Uint8Array {
  return encoder.encode(text);
}

/** The bytes as text; nothing stays nothing. */
export function text(data: Uint8Array): string;
export function text(data: Uint8Array | null): string | null;
export function text(data: Uint8Array | undefined): string | undefined;
export function text(data: Uint8Array | null | undefined): string | null | undefined;
export function text(data: Uint8Array | null | undefined): string | null | undefined {
  return data ? decoder.decode(data) : data as null | undefined;
}

/** All pieces, one after the other. */
export function concat(pieces: readonly Uint8Array[]): Uint8Array {
  const all = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    all.set(piece, at);
    at += piece.length;
  }
  return all;
}
