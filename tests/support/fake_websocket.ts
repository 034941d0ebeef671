import type { WebSocketLike } from "../../src/websocket/mod.ts";

type Listener = (event: never) => void;

/** A WebSocket to which happens what it is told. */
export class FakeWebSocket implements WebSocketLike {
  readyState = 1;
  bufferedAmount = 0;
  binaryType = "blob";
  /** Whether what is sent stays in the buffer. */
  isBlocked = false;
  readonly sent: (string | Uint8Array)[] = [];
  /** What was done with it, apart from sending. */
  readonly calls: string[] = [];
  readonly #listeners: Map<string, Set<Listener>> = new Map();

  /** How many listeners it has. */
  get listeners(): number {
    return [...this.#listeners.values()].reduce((sum, { size }) => sum + size, 0);
  }

  send(data: string | ArrayBuffer): void {
    this.sent.push(typeof data === "string" ? data : new Uint8Array(data));
    if (this.isBlocked) this.bufferedAmount += typeof data === "string" ? 1 : data.byteLength;
  }
  close(code?: number): void {
    this.readyState = 2;
    this.calls.push(code === undefined ? "close" : `close ${code}`);
  }
  terminate(): void {
    this.calls.push("terminate");
  }
  pause(): void {
    this.calls.push("pause");
  }
  resume(): void {
    this.calls.push("resume");
  }
  addEventListener(type: string, listener: Listener): void {
    const listeners = this.#listeners.get(type) ?? new Set();
    this.#listeners.set(type, listeners.add(listener));
  }
  removeEventListener(type: string, listener: Listener): void {
    this.#listeners.get(type)?.delete(listener);
  }
  emitMessage(data: unknown): void {
    this.#emit("message", { data });
  }
  emitError(error: Error | undefined): void {
    this.#emit("error", { error });
  }
  emitClose(code: number, reason = ""): void {
    this.readyState = 3;
    this.#emit("close", { code, reason });
  }
  #emit(type: string, event: object): void {
    for (const listener of this.#listeners.get(type) ?? []) listener(event as never);
  }
}
