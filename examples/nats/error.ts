import { UserError } from "../command_line.ts";

/**
 * What went wrong, in a word: there is no connection just now, no answer in time, nobody who could answer, the server refuses, one of
 * the two does not keep to the protocol, or the client is closed.
 */
export type NatsErrorCode =
  | "disconnected"
  | "timeout"
  | "no-responders"
  | "refused"
  | "protocol"
  | "closed";

export class NatsError extends UserError {
  override readonly name: string = "NatsError";
  readonly code: NatsErrorCode;

  constructor(code: NatsErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}
