/** The official client of NATS, as far as it is used: its own types do not pass the checks of ours. */
import { createRequire } from "node:module";

export interface OfficialHeaders {
  append(name: string, value: string): void;
  values(name: string): string[];
}

export interface OfficialMessage {
  readonly data: Uint8Array;
  readonly headers?: OfficialHeaders;
  respond(data: string): boolean;
}

export interface OfficialNats {
  publish(subject: string, data: string, options?: { headers: OfficialHeaders }): void;
  subscribe(
    subject: string,
    options: {
      queue?: string;
      callback: (error: Error | null, message: OfficialMessage) => void;
    },
  ): void;
  request(subject: string, data: string): Promise<OfficialMessage>;
  flush(): Promise<void>;
  close(): Promise<void>;
}

interface Module {
  connect(options: { servers: string }): Promise<OfficialNats>;
  headers(): OfficialHeaders;
}

const official: Module = createRequire(import.meta.url)("@nats-io/transport-node");

export const connect: Module["connect"] = official.connect;
export const headers: Module["headers"] = official.headers;
