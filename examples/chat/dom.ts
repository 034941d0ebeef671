/** What the page uses of a browser. Types of all of it would be there for the servers, too. */
import type { WebSocketLike } from "../../src/websocket/mod.ts";

export interface Element {
  textContent: string;
  className: string;
  value: string;
  placeholder: string;
  disabled: boolean;
  readonly style: { setProperty(name: string, value: string): void };
  readonly scrollHeight: number;
  readonly clientHeight: number;
  scrollTop: number;
  readonly childElementCount: number;
  readonly firstElementChild: Element;
  setAttribute(name: string, value: string): void;
  append(...children: (Element | string)[]): void;
  replaceChildren(...children: Element[]): void;
  remove(): void;
  focus(): void;
  addEventListener(event: string, listener: (event: { preventDefault(): void }) => void): void;
}

interface Browser {
  readonly document: {
    title: string;
    getElementById(id: string): Element | null;
    createElement(tag: string): Element;
  };
  readonly location: { readonly href: string };
  readonly sessionStorage: {
    getItem(name: string): string | null;
    setItem(name: string, value: string): void;
    removeItem(name: string): void;
  };
  readonly WebSocket: new (url: string) => WebSocketLike;
}

const browser = globalThis as unknown as Browser;

/** The part of the page with this id. */
export function part(id: string): Element {
  const element = browser.document.getElementById(id);
  if (element === null) throw new Error(`the page has no ${id}`);
  return element;
}

/** A new element with a text, which is never read as HTML. */
export function make(tag: string, className: string, text: string = ""): Element {
  const element = browser.document.createElement(tag);
  element.className = className;
  element.textContent = text;
  return element;
}

export function setTitle(title: string): void {
  browser.document.title = title;
}

/** Opens a WebSocket to where the page is from. */
export function openSocket(path: string): WebSocketLike {
  const url = new URL(path, browser.location.href);
  url.protocol = url.protocol.replace("http", "ws");
  return new browser.WebSocket(url.href);
}

/** What this tab remembers, also when it is loaded again. */
export function recall(name: string): string {
  return browser.sessionStorage.getItem(name) ?? "";
}

export function remember(name: string, value: string): void {
  if (value === "") browser.sessionStorage.removeItem(name);
  else browser.sessionStorage.setItem(name, value);
}
