import { type Chat, connect, type ConnectOptions, type FramesOf } from "../../mod.ts";
import { UserError } from "../command_line.ts";
import { Mailbox } from "../mailbox.ts";
import {
  DISCONNECT,
  encodeConnect,
  encodePuback,
  encodePublish,
  encodeSubscribe,
  encodeUnsubscribe,
  type Message,
  type Packet,
  packets,
  parsePacket,
  PINGREQ,
  type QoS,
} from "./packet.ts";

export interface MqttOptions {
  readonly hostname?: string;
  readonly port?: number;
  readonly tls?: ConnectOptions["tls"];
  /** One that no other client of the server has. The default is made up. */
  readonly clientId?: string;
  readonly username?: string | undefined;
  readonly password?: string | undefined;
  /** How long the two may hear nothing of each other, in seconds, 1 to 65535. Default: 60. */
  readonly keepAlive?: number;
  /** How long connecting may take, and each answer, in milliseconds. Default: 10 s. */
  readonly timeout?: number;
  /** What the server publishes when this client is gone without a goodbye. */
  readonly will?: Outgoing;
  /** The largest packet that is taken, in bytes. Default: 16 MiB. */
  readonly maxPacket?: number;
  /** Connects otherwise than `connect()` does: to nobody, in a test. */
  readonly dial?: (options: ConnectOptions & FramesOf<Uint8Array>) => Promise<Chat>;
}

/** A message to publish. */
export interface Outgoing {
  readonly topic: string;
  readonly payload: string | Uint8Array;
  readonly qos?: QoS;
  readonly retain?: boolean;
}

/** The server refuses, or does not keep to the protocol, or is gone. */
export class MqttError extends UserError {
  override readonly name: string = "MqttError";
}

/** Why a server does not want a client (section 3.2.2.3). */
const REFUSALS: Readonly<Record<number, string>> = {
  1: "it does not speak this version of the protocol",
  2: "it does not like the client's name",
  3: "it is not available",
  4: "the user's name or password is wrong",
  5: "the user may not connect",
};

/** How many messages wait for the loop before the connection waits for it as well. */
const MOST_WAITING = 256;
const LARGEST_ID = 0xffff;
const encoder = new TextEncoder();

interface Waiter {
  readonly expected: Packet["type"];
  resolve(packet: Packet): void;
  reject(error: Error): void;
}

/**
 * A client of MQTT 3.1.1, with a clean session: messages come in a loop, and what is published with the quality of service 1 is
 * acknowledged.
 *
 *     const client = await MqttClient.connect({ port: 1883 });
 *     await client.subscribe("rooms/+/temperature");
 *     for await (const { topic, payload } of client) console.log(topic, payload);
 *
 * A message that the server wants to have acknowledged is so when the loop has come back for the next one. When the connection breaks,
 * the loop throws, and each publish that waits rejects: whether it has arrived is not known then.
 */
export class MqttClient implements AsyncIterable<Message>, AsyncDisposable {
  readonly #chat: Chat;
  readonly #timeout: number;
  readonly #messages: Mailbox<{ readonly message: Message; readonly id: number }> = new Mailbox(
    MOST_WAITING,
  );
  readonly #waiters: Map<number, Waiter> = new Map();
  readonly #running: Promise<void>;
  #lastId = 0;
  #isClosing = false;
  /** How many pings there were since the server has said anything. */
  #unanswered = 0;
  /** Whether the loop is behind: what the server says is not read then. */
  #isBehind = false;

  private constructor(chat: Chat, timeout: number, keepAlive: number) {
    this.#chat = chat;
    this.#timeout = timeout;
    this.#running = this.#run(keepAlive);
  }

  /**
   * Connects, and is accepted.
   * @throws {MqttError} If the server refuses.
   */
  static async connect(options: MqttOptions = {}): Promise<MqttClient> {
    const { hostname = "127.0.0.1", tls, keepAlive = 60, timeout = 10_000, dial = connect } =
      options;
    const { port = tls ? 8883 : 1883, clientId = `asynchat-${crypto.randomUUID()}`, will } =
      options;
    if (!(keepAlive >= 1)) {
      throw new RangeError(`keepAlive must be 1 to 65535 seconds, not ${keepAlive}`);
    }
    const hello = encodeConnect({ ...options, clientId, keepAlive, will: will && toMessage(will) });
    const chat = await dial({
      hostname,
      port,
      ...tls === undefined ? {} : { tls },
      terminator: packets,
      maxFrameLength: options.maxPacket ?? 16 * 1024 * 1024,
      timeout,
    });
    try {
      chat.push(hello);
      const frame = await chat.read(packets, { timeout });
      if (frame === null) throw new MqttError("the server closed without an answer");
      const answer = parsePacket(frame);
      if (answer.type !== "CONNACK") throw new MqttError(`expected CONNACK, not ${answer.type}`);
      const { code } = answer;
      if (code !== 0) {
        throw new MqttError(`the server refuses: ${REFUSALS[code] ?? `code ${code}`}`);
      }
      return new MqttClient(chat, timeout, keepAlive);
    } catch (error) {
      chat.close();
      throw error;
    }
  }

  /** Resolves when the message is acknowledged, or, with the quality of service 0, when there is room for the next one. */
  async publish({ topic, payload, qos = 0, retain = false }: Outgoing): Promise<void> {
    const message = toMessage({ topic, payload, qos, retain });
    if (qos === 0) await this.#chat.push(encodePublish(message, 0));
    else await this.#ask("PUBACK", (id) => encodePublish(message, id));
  }

  /**
   * Subscribes to topics: `rooms/+/temperature`, `rooms/#`. Their messages come in the loop over the client.
   * @returns The quality of service with which they come at most.
   * @throws {MqttError} If the server does not allow it.
   */
  async subscribe(filter: string, qos: QoS = 1): Promise<QoS> {
    const answer = await this.#ask("SUBACK", (id) => encodeSubscribe(id, filter, qos));
    const [code = REFUSED] = answer.type === "SUBACK" ? answer.codes : [];
    if (code !== 0 && code !== 1) {
      throw new MqttError(`the server does not allow to subscribe to ${filter}`);
    }
    return code;
  }

  async unsubscribe(filter: string): Promise<void> {
    await this.#ask("UNSUBACK", (id) => encodeUnsubscribe(id, filter));
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Message> {
    for (;;) {
      const { done, value } = await this.#messages.next();
      if (done) return;
      yield value.message;
      if (value.message.qos === 1) this.#chat.push(encodePuback(value.id));
    }
  }

  /** Says goodbye, and closes: the loop ends, and the will is not published. */
  async close(): Promise<void> {
    if (!this.#isClosing) {
      this.#isClosing = true;
      this.#chat.push(DISCONNECT);
      await this.#chat.closeWhenDone().catch(() => {});
    }
    await this.#running;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Sends what is to be acknowledged, and waits for that. */
  async #ask(expected: Packet["type"], encode: (id: number) => Uint8Array): Promise<Packet> {
    const id = this.#nextId();
    const packet = encode(id);
    let timer: ReturnType<typeof setTimeout> | undefined;
    const answered = new Promise<Packet>((resolve, reject) => {
      this.#waiters.set(id, { expected, resolve, reject });
      const late = (): void =>
        reject(new MqttError(`the server has not answered within ${this.#timeout} ms`));
      timer = setTimeout(late, this.#timeout);
    });
    try {
      const [answer] = await Promise.all([answered, this.#chat.push(packet)]);
      return answer;
    } finally {
      clearTimeout(timer);
      this.#waiters.delete(id);
    }
  }

  /** A number that no packet has that waits for its answer (section 2.3.1). */
  #nextId(): number {
    if (this.#waiters.size >= LARGEST_ID) {
      throw new MqttError(`${LARGEST_ID} packets wait for an answer`);
    }
    do this.#lastId = this.#lastId % LARGEST_ID + 1; while (this.#waiters.has(this.#lastId));
    return this.#lastId;
  }

  async #run(keepAlive: number): Promise<void> {
    const pings = setInterval(() => this.#ping(), 750 * keepAlive);
    const reason = await this.#listen();
    clearInterval(pings);
    this.#chat.close();
    for (const { reject } of this.#waiters.values()) reject(reason);
    this.#messages.close(this.#isClosing ? undefined : reason);
  }

  /** Asks whether the server is there. One that is asked in vain twice is not, though its system may take what is sent to it. */
  #ping(): void {
    if (this.#unanswered >= 2 && !this.#isBehind) {
      return this.#chat.close(new MqttError("the server does not answer any more"));
    }
    this.#unanswered++;
    this.#chat.push(PINGREQ);
  }

  /** Reads what the server sends, until the connection ends: by which error is returned. */
  async #listen(): Promise<Error> {
    try {
      for await (const frame of this.#chat) {
        const packet = parsePacket(frame);
        this.#unanswered = 0;
        if (packet.type === "PUBLISH") await this.#put(packet);
        else if (packet.type !== "PINGRESP") this.#answer(packet);
      }
      return new MqttError("the server has closed the connection");
    } catch (error) {
      return error as Error;
    }
  }

  async #put(packet: { readonly message: Message; readonly id: number }): Promise<void> {
    this.#isBehind = true;
    await this.#messages.put(packet);
    this.#isBehind = false;
    this.#unanswered = 0;
  }

  #answer(packet: Exclude<Packet, { type: "PUBLISH" | "PINGRESP" }>): void {
    if (packet.type === "CONNACK") throw new MqttError("a second CONNACK came");
    const waiter = this.#waiters.get(packet.id);
    // An answer that came too late is nobody's any more.
    if (waiter?.expected === packet.type) waiter.resolve(packet);
  }
}

const REFUSED = 0x80;

function toMessage({ topic, payload, qos = 0, retain = false }: Outgoing): Message {
  if (qos !== 0 && qos !== 1) {
    throw new RangeError(`qos must be 0 or 1, not ${qos}: 2 is not spoken here`);
  }
  return {
    topic,
    payload: typeof payload === "string" ? encoder.encode(payload) : payload,
    qos,
    retain,
  };
}
