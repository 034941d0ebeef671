/**
 * A record: fields, each a name and a value, as `env -0` prints them. The fields end with `\0`, and the record with one more:
 *
 *     LEVEL=info\0MESSAGE=hello\nworld\0\0
 *
 * Values can be of several lines, and of any characters, save that one.
 */
export type LogRecord = Readonly<Record<string, string>>;

/** The terminator of a chat of records. */
export const RECORD = "\0\0";

const NAME = /^[A-Za-z_][A-Za-z0-9_.]*$/;

/** What has come is no record. */
export class RecordError extends Error {
  override readonly name: string = "RecordError";
}

/**
 * Reads a record.
 * @throws {RecordError} If a field has no name, or there are two of one name.
 */
export function parseRecord(frame: string): LogRecord {
  const fields = new Map<string, string>();
  for (const field of frame.split("\0")) {
    const equals = field.indexOf("=");
    const name = field.slice(0, Math.max(equals, 0));
    if (!NAME.test(name)) throw new RecordError(`expected NAME=VALUE, not ${shown(field)}`);
    if (fields.has(name)) throw new RecordError(`there are two fields called ${name}`);
    fields.set(name, field.slice(equals + 1));
  }
  return Object.fromEntries(fields);
}

/**
 * Writes a record, without its end: `chat.send()` adds that, and refuses a record with an empty field, which would end it early.
 * @throws {RecordError} If a name or a value cannot be one.
 */
export function formatRecord(record: LogRecord): string {
  const fields = Object.entries(record);
  if (fields.length === 0) throw new RecordError("a record must have a field");
  return fields.map(([name, value]) => {
    if (!NAME.test(name)) throw new RecordError(`a field cannot be called ${shown(name)}`);
    if (value.includes("\0")) throw new RecordError(`${name} cannot be ${shown(value)}`);
    return `${name}=${value}`;
  }).join("\0");
}

const shown = (text: string): string => JSON.stringify(text.slice(0, 60));
