/**
 * The page: a member like those who come with `nc`, with the same lines, over a WebSocket. It runs in a browser, and is bundled by
 * `web.ts`.
 */
import { Chat, lines } from "../../mod.ts";
import { fromWebSocket } from "../../src/websocket/mod.ts";
import { pause, waits } from "../backoff.ts";
import { type Element, make, openSocket, part, recall, remember, setTitle } from "./dom.ts";
import { type PageLine, parseLine } from "./page_line.ts";

const BACKOFF = { first: 200, longest: 5_000 };
/** How many lines the page shows. */
const MOST_LINES = 500;
/** How often a name is tried again that this tab had before. */
const MOST_REFUSALS = 6;
/** How long it is gathered that somebody came or went, before it is asked who is here, in milliseconds. */
const GATHERED = 300;
/** How often it is asked where somebody is, in milliseconds. */
const ROOMS_INTERVAL = 5_000;

const log = part("log");
const input = part("line");

let chat: Chat<string> | undefined;
/** What was said last time, too: a page that is loaded again is the same member. */
let nick = recall("nick");
let room = recall("room");
/** Whether the server knows the name by now. */
let isIn = false;
/** How often the name was refused that this tab had before: the server may not know yet that the last connection is gone. */
let refusals = 0;
let asking: ReturnType<typeof setTimeout> | undefined;

/** Is connected, again and again. */
async function stay(): Promise<never> {
  for (;;) {
    for (const wait of waits(BACKOFF)) {
      const hasWorked = await converse();
      showState(false, "not connected");
      await pause(wait, new AbortController().signal);
      if (hasWorked) break; // the next time there is hope at once
    }
  }
}

/** Holds one conversation, to its end. Returns whether it had got a name there. */
async function converse(): Promise<boolean> {
  chat = new Chat(fromWebSocket(openSocket("/chat")), { terminator: lines(), encoding: "utf-8" });
  isIn = false;
  showState(false, "connecting");
  try {
    for await (const line of chat) {
      if (chat.stats.framesIn === 1) begin();
      show(parseLine(line));
    }
  } catch {
    // Whatever it was: it is tried again.
  }
  input.disabled = true;
  return isIn;
}

/** The server asks for a name. */
function begin(): void {
  input.disabled = false;
  showState(true, "connected");
  if (nick === "") return input.focus();
  say(nick);
}

function say(line: string): void {
  chat?.send(line.replaceAll(/[\r\n]+/g, " ")).catch(() => {}); // a chat that is closed begins again
}

function show(line: PageLine): void {
  switch (line.type) {
    case "said":
      return add("is-said", line.time ?? new Date(), line.words, line.nick);
    case "whispered":
      return add("is-whisper", new Date(), `to you: ${line.words}`, line.nick);
    case "whisper":
      return add("is-whisper", new Date(), `to ${line.to}: ${line.words}`, nick);
    case "refused":
      add("is-refused", undefined, line.text);
      if (isIn || nick === "") return;
      if (refusals++ < MOST_REFUSALS) chat?.close();
      else rename("");
      return;
    case "welcome":
      isIn = true;
      refusals = 0;
      rename(line.nick);
      if (room !== "" && room !== "lobby") say(`/join ${room}`);
      return;
    case "entered":
      return enter(line.room);
    case "renamed":
      if (line.nick === nick) rename(line.to);
      add("is-notice", undefined, line.text);
      return askSoon();
    case "moved":
      add("is-notice", undefined, line.text);
      return askSoon();
    case "members":
      if (line.room === room) showMembers(line.names);
      return;
    case "rooms":
      return showRooms(line.rooms);
    case "notice":
      if (line.text === "your name?") return;
      add("is-notice", undefined, line.text);
      if (/can be reached again/.test(line.text)) say(`/join ${room || "lobby"}`);
  }
}

function rename(to: string): void {
  nick = to;
  remember("nick", nick);
  part("label").textContent = nick === "" ? "Your name" : nick;
  input.placeholder = nick === "" ? "letters, digits, - and _" : "say something, or /help";
}

function enter(name: string): void {
  room = name;
  remember("room", room);
  part("room").textContent = `#${room}`;
  setTitle(`#${room}`);
  log.replaceChildren();
  askSoon();
}

/** Asks who is here, and where others are. */
function askSoon(): void {
  asking ??= setTimeout(() => {
    asking = undefined;
    if (!isIn) return;
    say("/who");
    say("/rooms");
  }, GATHERED);
}

/** One more line. Who has scrolled back stays there. */
function add(className: string, time: Date | undefined, words: string, speaker?: string): void {
  const item = make("li", className);
  if (time) item.append(make("time", "", time.toTimeString().slice(0, 5)));
  if (speaker !== undefined) {
    const name = make("span", "nick", speaker);
    name.style.setProperty("--hue", String(hueOf(speaker)));
    item.append(name);
  }
  item.append(words);
  const isAtEnd = log.scrollHeight - log.scrollTop - log.clientHeight < 40;
  log.append(item);
  while (log.childElementCount > MOST_LINES) log.firstElementChild.remove();
  if (isAtEnd) log.scrollTop = log.scrollHeight;
}

function showMembers(names: readonly string[]): void {
  part("members-title").textContent = `Here: ${names.length}`;
  part("members").replaceChildren(...names.toSorted().map((name) => make("li", "", name)));
}

function showRooms(rooms: ReadonlyMap<string, number>): void {
  const items = [...rooms].toSorted().map(([name, count]) => {
    const button = make("button", name === room ? "is-current" : "");
    button.append(make("span", "", `#${name}`), make("span", "", String(count)));
    button.setAttribute("aria-label", `${name}, ${count} there`);
    if (name === room) button.setAttribute("aria-current", "true");
    else button.addEventListener("click", () => say(`/join ${name}`));
    return inItem(button);
  });
  part("rooms").replaceChildren(...items);
}

function inItem(child: Element): Element {
  const item = make("li", "");
  item.append(child);
  return item;
}

function showState(isConnected: boolean, text: string): void {
  const state = part("state");
  state.className = isConnected ? "is-connected" : "";
  state.textContent = text;
}

/** A colour for a name: the same one each time. */
function hueOf(name: string): number {
  return [...name].reduce((sum, character) => (sum * 31 + character.codePointAt(0)!) % 360, 7);
}

part("form").addEventListener("submit", (event) => {
  event.preventDefault();
  const line = input.value.trim();
  if (line === "" || input.disabled) return;
  input.value = "";
  say(line);
});
setInterval(() => isIn && say("/rooms"), ROOMS_INTERVAL);
rename(nick);
void stay();
