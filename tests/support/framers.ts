/** Framers of bytes, for tests that are about frames. */
import { Framer, type FramerOptions } from "../../mod.ts";
import { bytes, text } from "./bytes.ts";

/** A framer to which these chunks have come; text is sent as UTF-8. */
export function framerOf(
  options: Omit<FramerOptions, "encoding">,
  ...chunks: (string | Uint8Array)[]
): Framer {
  const framer = new Framer(options);
  for (const chunk of chunks) framer.push(typeof chunk === "string" ? bytes(chunk) : chunk);
  return framer;
}

/** The frames that are here, as text. */
export function frames(framer: Framer): string[] {
  return [...framer].map((frame) => text(frame));
}

/** The next piece as text; null and undefined as they are. */
export function pieceOf(framer: Framer): string | null | undefined {
  return text(framer.nextPiece());
}
