import type { Bus } from "./bus.ts";
import { decode, encode, fieldsOf } from "./event.ts";
import { serverSubject } from "./subjects.ts";

/** What one server asks another. Each question has a name, and an answer registered for it. */
export class Peers {
  /** What this server is called among the others. */
  readonly id: string;
  readonly bus: Bus;
  readonly #answers: Map<string, (question: unknown) => unknown> = new Map();

  constructor(bus: Bus, id: string) {
    this.bus = bus;
    this.id = id;
  }

  /** Registers who answers a question. */
  onAsked(name: string, answer: (question: unknown) => unknown): void {
    this.#answers.set(name, answer);
  }

  /** Resolves when others can ask. */
  async start(): Promise<void> {
    await this.bus.answer(serverSubject(this.id), (data) => {
      const { name, question } = fieldsOf(decode(data));
      const answer = typeof name === "string" ? this.#answers.get(name) : undefined;
      return answer && encode(answer(question) ?? null);
    });
  }

  /** @throws {NobodyError} If there is no such server any more. */
  async ask(server: string, name: string, question: unknown = null): Promise<unknown> {
    return decode(await this.bus.ask(serverSubject(server), encode({ name, question })));
  }
}
