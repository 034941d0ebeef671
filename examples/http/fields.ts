import { HttpError } from "./error.ts";

/** A token (RFC 9110, section 5.6.2): names of fields, and methods. */
export const TOKEN: RegExp = /^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/;
/** What no field's value has (RFC 9110, section 5.5): control characters, save tabs. */
const CONTROL = /[^\P{Cc}\t]/u;
const [TAB, SPACE] = [9, 32];

/**
 * Checks a line of fields.
 * @throws {TypeError} If a name or a value is none: a line end in it would forge what follows.
 */
export function checkField(name: string, value: string): void {
  if (!TOKEN.test(name)) throw new TypeError(`${JSON.stringify(name)} is no name of a field`);
  if (!CONTROL.test(value)) return;
  throw new TypeError(`${name} cannot be ${JSON.stringify(value)}`);
}

/** The header fields of a message, whose names are the same in any case (RFC 9110, section 5.1). */
export class Fields {
  readonly #lines: Map<string, { readonly name: string; readonly values: string[] }> = new Map();

  /**
   * @param fields Names, each with its value, or several that become a line each.
   * @throws {TypeError} If a name or a value is none.
   */
  constructor(fields: Readonly<Record<string, string | readonly string[]>> = {}) {
    for (const [name, values] of Object.entries(fields)) {
      for (const value of [values].flat()) this.append(name, value);
    }
  }

  /** Adds a line. */
  append(name: string, value: string): void {
    checkField(name, value);
    this.add(name, value);
  }

  /** Adds a line that was checked. */
  add(name: string, value: string): void {
    const key = name.toLowerCase();
    const line = this.#lines.get(key);
    if (line === undefined) this.#lines.set(key, { name, values: [value] });
    else line.values.push(value);
  }

  has(name: string): boolean {
    return this.#lines.has(name);
  }

  /** The value of a field, whose name is given in lower case: several lines are one list (RFC 9110, section 5.3). */
  get(name: string): string | undefined {
    const values = this.#lines.get(name)?.values;
    return values?.length === 1 ? values[0] : values?.join(", ");
  }

  /** The value of each line of a field. */
  all(name: string): readonly string[] {
    return this.#lines.get(name)?.values ?? [];
  }

  /** Whether a list has a member, in any case: `fields.lists("connection", "close")`. */
  lists(name: string, member: string): boolean {
    const value = this.get(name);
    return value !== undefined &&
      value.split(",").some((one) => trimmed(one).toLowerCase() === member);
  }

  /** As they are sent: a line each. */
  toString(): string {
    let text = "";
    for (const { name, values } of this.#lines.values()) {
      for (const value of values) text += `${name}: ${value}\r\n`;
    }
    return text;
  }

  /** Each line. */
  *[Symbol.iterator](): Generator<[name: string, value: string]> {
    for (const { name, values } of this.#lines.values()) {
      for (const value of values) yield [name, value];
    }
  }
}

/**
 * Without the spaces and tabs around it, and nothing else (RFC 9110, section 5.6.3): `trim()` would take away a vertical tab or a
 * no-break space as well, and read what another program does not.
 */
function trimmed(text: string): string {
  let [start, end] = [0, text.length];
  while (start < end && isSpace(text.charCodeAt(start))) start++;
  while (start < end && isSpace(text.charCodeAt(end - 1))) end--;
  return text.slice(start, end);
}

function isSpace(code: number): boolean {
  return code === SPACE || code === TAB;
}

/**
 * Reads the lines of fields (RFC 9112, section 5). What is not just so is refused, because two programs that read it differently
 * can be played against each other.
 * @throws {HttpError} 400
 */
export function parseFields(lines: readonly string[]): Fields {
  const fields = new Fields();
  for (const line of lines) {
    const colon = line.indexOf(":");
    const name = line.slice(0, Math.max(colon, 0));
    const value = trimmed(line.slice(colon + 1));
    if (!TOKEN.test(name)) {
      const what = /^[ \t]/.test(line) ? "a line of fields is folded" : "a field has no name";
      throw new HttpError(400, `${what}: ${JSON.stringify(line.slice(0, 80))}`);
    }
    if (CONTROL.test(value)) {
      throw new HttpError(
        400,
        `a field has control characters: ${JSON.stringify(line.slice(0, 80))}`,
      );
    }
    fields.add(name, value);
  }
  return fields;
}
