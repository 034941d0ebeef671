import { type Message, NatsClient, type NatsOptions } from "../nats/client.ts";
import { NatsError } from "../nats/error.ts";
import {
  type Answerer,
  type Bus,
  BusError,
  type Listener,
  NobodyError,
  type Subscription,
} from "./bus.ts";

/** How long another server may take to answer, in milliseconds. */
const LONGEST_ANSWER = 2_000;

/** A bus between any number of processes, which is a NATS server, or several. */
export class NatsBus implements Bus {
  onChange: (isUp: boolean) => void = () => {};
  readonly #nats: NatsClient;

  private constructor(nats: NatsClient) {
    this.#nats = nats;
  }

  /**
   * @param log Is told when the connection is gone, and when it is back.
   * @throws {NatsError | ConnectionError} If there is none.
   */
  static async connect(options: NatsOptions, log: (line: string) => void): Promise<NatsBus> {
    const nats = await NatsClient.connect({
      timeout: LONGEST_ANSWER,
      pingInterval: 5_000,
      ...options,
      onError: (error) => log(`NATS  ${error.message}`),
      onConnected() {
        log("NATS  connected again");
        bus.onChange(true);
      },
      onDisconnected(error) {
        log(`NATS  disconnected: ${error.message}`);
        bus.onChange(false);
      },
    });
    const bus = new NatsBus(nats);
    return bus;
  }

  get isUp(): boolean {
    return this.#nats.isConnected;
  }

  async publish(subject: string, data: Uint8Array): Promise<void> {
    await onBus(this.#nats.publish(subject, data));
  }

  listen(subject: string, listener: Listener): Promise<Subscription> {
    return this.#subscribe(subject, ({ data }) => listener(data));
  }

  answer(subject: string, answerer: Answerer): Promise<Subscription> {
    return this.#subscribe(subject, ({ data, reply }) => {
      const answer = reply === undefined ? undefined : answerer(data);
      // Who has asked will not wait for ever.
      if (answer !== undefined) this.#nats.publish(reply!, answer).catch(() => {});
    });
  }

  async ask(subject: string, data: Uint8Array): Promise<Uint8Array> {
    return (await onBus(this.#nats.request(subject, data))).data;
  }

  close(): Promise<void> {
    return this.#nats.close();
  }

  /** Resolves when the server knows it. */
  async #subscribe(subject: string, onMessage: (message: Message) => void): Promise<Subscription> {
    const end = this.#nats.subscribe(subject, onMessage);
    try {
      await onBus(this.#nats.flush());
    } catch (error) {
      end();
      throw error;
    }
    return { end };
  }
}

/** What fails because of NATS, or because the message is too large for it, is an error of the bus. */
async function onBus<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof NatsError && error.code === "no-responders") {
      throw new NobodyError(error.message, { cause: error });
    }
    if (error instanceof NatsError || error instanceof RangeError) {
      throw new BusError(error.message, { cause: error });
    }
    throw error;
  }
}
