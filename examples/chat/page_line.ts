/** The lines of `line.ts`, as the page reads them. */

export type PageLine =
  | { readonly type: "said"; readonly nick: string; readonly words: string; readonly time?: Date }
  | { readonly type: "whispered"; readonly nick: string; readonly words: string }
  | { readonly type: "whisper"; readonly to: string; readonly words: string }
  | { readonly type: "refused"; readonly text: string }
  | { readonly type: "notice"; readonly text: string }
  /** You have a name. */
  | { readonly type: "welcome"; readonly nick: string; readonly text: string }
  /** You are in a room, and what was said there before comes next. */
  | { readonly type: "entered"; readonly room: string }
  /** Somebody, perhaps you, is called otherwise. */
  | { readonly type: "renamed"; readonly nick: string; readonly to: string; readonly text: string }
  | { readonly type: "moved"; readonly text: string }
  | { readonly type: "members"; readonly room: string; readonly names: readonly string[] }
  | { readonly type: "rooms"; readonly rooms: ReadonlyMap<string, number> };

/** What a line says; one that no server of ours sends is a notice. */
export function parseLine(line: string): PageLine {
  if (line.startsWith("! ")) return { type: "refused", text: line.slice(2) };
  if (line.startsWith("* ")) return parseNotice(line.slice(2));
  const said = line.match(/^(?:\[([^\]]+)\] )?([^\s:]+): (.*)$/s);
  if (said) {
    const [, time, nick, words] = said as unknown as [string, string | undefined, string, string];
    return { type: "said", nick, words, ...time === undefined ? {} : { time: new Date(time) } };
  }
  const whisper = line.match(/^\((to )?([^\s)]+)\) (.*)$/s);
  if (whisper) {
    const [, to, name, words] = whisper as unknown as [string, string | undefined, string, string];
    return to === undefined
      ? { type: "whispered", nick: name, words }
      : { type: "whisper", to: name, words };
  }
  return { type: "notice", text: line };
}

function parseNotice(text: string): PageLine {
  const [, nick] = text.match(/^welcome, ([^\s:]+)/) ?? [];
  if (nick !== undefined) return { type: "welcome", nick, text };
  const [, entered] = text.match(/^you are in (\S+)$/) ?? [];
  if (entered !== undefined) return { type: "entered", room: entered };
  const [, old, to] = text.match(/^(\S+) is called (\S+) now$/) ?? [];
  if (old !== undefined) return { type: "renamed", nick: old, to: to!, text };
  if (/^\S+ (joins|leaves) \S+/.test(text)) return { type: "moved", text };
  const [, room, names] = text.match(/^in (\S+) there (?:is|are) (?:nobody|\d+: (.*))$/) ?? [];
  if (room !== undefined) return { type: "members", room, names: names?.split(", ") ?? [] };
  const [, rooms] = text.match(/^rooms: (.*)$/) ?? [];
  if (rooms !== undefined) return { type: "rooms", rooms: parseRooms(rooms) };
  return { type: "notice", text };
}

/** `lobby (3), tea (1)` */
function parseRooms(text: string): Map<string, number> {
  const found = text.matchAll(/(\S+) \((\d+)\)/g);
  return new Map(Array.from(found, ([, room, count]) => [room!, Number(count)]));
}
