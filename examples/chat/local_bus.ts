import { type Answerer, type Bus, type Listener, NobodyError, type Subscription } from "./bus.ts";

/** A bus inside one process: it is always up. */
export class LocalBus implements Bus {
  readonly isUp: boolean = true;
  onChange: (isUp: boolean) => void = () => {};
  readonly #listeners: Map<string, Set<Listener>> = new Map();
  readonly #answerers: Map<string, Set<Answerer>> = new Map();

  publish(subject: string, data: Uint8Array): Promise<void> {
    for (const listener of this.#listeners.get(subject) ?? []) listener(data);
    return Promise.resolve();
  }

  listen(subject: string, listener: Listener): Promise<Subscription> {
    return Promise.resolve(add(this.#listeners, subject, listener));
  }

  answer(subject: string, answerer: Answerer): Promise<Subscription> {
    return Promise.resolve(add(this.#answerers, subject, answerer));
  }

  ask(subject: string, data: Uint8Array): Promise<Uint8Array> {
    for (const answerer of this.#answerers.get(subject) ?? []) {
      const answer = answerer(data);
      if (answer !== undefined) return Promise.resolve(answer);
    }
    return Promise.reject(new NobodyError(`nobody answers on ${subject}`));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }
}

function add<T>(all: Map<string, Set<T>>, subject: string, one: T): Subscription {
  const those = all.get(subject) ?? new Set();
  all.set(subject, those.add(one));
  return {
    end() {
      those.delete(one);
      if (those.size === 0 && all.get(subject) === those) all.delete(subject);
    },
  };
}
