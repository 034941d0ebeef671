import { UserError } from "../command_line.ts";
import type { RespError } from "../resp/value.ts";

/** A command has failed: Redis says so, or nobody knows whether it was done. */
export class RedisError extends UserError {
  override readonly name: string = "RedisError";
  /** The name of the command. */
  readonly command: string;
  /** The first word of what Redis says, by which programs know it (`WRONGTYPE`); `""` where Redis has said nothing. */
  readonly code: string;

  constructor(command: string, message: string, code: string = "", options?: ErrorOptions) {
    super(`${command}: ${message}`, options);
    this.command = command;
    this.code = code;
  }

  /** What Redis says of a command. */
  static of(command: string, error: RespError): RedisError {
    return new RedisError(command, error.message, error.code, { cause: error });
  }
}
