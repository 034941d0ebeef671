import { UserError } from "../command_line.ts";

/** Takes what was published. It is called for one message after the other, in their order, and must not wait. */
export type Listener = (data: Uint8Array) => void;

/** Answers a question, or leaves that to others. */
export type Answerer = (data: Uint8Array) => Uint8Array | undefined;

export interface Subscription {
  /** Ends it, at once. */
  end(): void;
}

/**
 * What servers talk over: whatever is published on a subject reaches all who listen to it, also those in other processes, and also
 * whoever has published it. What one publishes, all hear in its order, each once.
 */
export interface Bus {
  /** Whether the others can be reached. */
  readonly isUp: boolean;
  /** Is called when that changes. */
  onChange: (isUp: boolean) => void;
  /**
   * Resolves when there is room for more.
   * @throws {BusError} If the others cannot be reached.
   */
  publish(subject: string, data: Uint8Array): Promise<void>;
  /** Resolves when whatever is published from now on is heard. */
  listen(subject: string, listener: Listener): Promise<Subscription>;
  /** Resolves when whatever is asked from now on is heard. */
  answer(subject: string, answerer: Answerer): Promise<Subscription>;
  /**
   * Asks whoever answers on a subject: the first answer counts.
   * @throws {NobodyError} If nobody listens there.
   * @throws {BusError} If no answer comes.
   */
  ask(subject: string, data: Uint8Array): Promise<Uint8Array>;
  close(): Promise<void>;
}

/** The others cannot be reached. */
export class BusError extends UserError {}

/** Nobody answers on that subject. */
export class NobodyError extends BusError {}
