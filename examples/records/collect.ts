import { type Chat, FrameTooLongError, IncompleteFrameError } from "../../mod.ts";
import { formatRecord, type LogRecord, parseRecord, RecordError } from "./record.ts";

/**
 * Hands on each record that one program sends, and acknowledges it. What is no record is answered with an error, and the next one
 * is read.
 */
export async function collect(
  chat: Chat<string>,
  onRecord: (record: LogRecord) => void,
): Promise<void> {
  for (let count = 0;;) {
    try {
      for await (const frame of chat) {
        onRecord(parseRecord(frame));
        await chat.send(formatRecord({ OK: String(++count) }));
      }
      return;
    } catch (error) {
      if (error instanceof IncompleteFrameError) {
        chat.send(formatRecord({ ERROR: "the last record has no end" }));
        return;
      }
      if (!(error instanceof RecordError || error instanceof FrameTooLongError)) throw error;
      await chat.send(formatRecord({ ERROR: error.message }));
    }
  }
}
