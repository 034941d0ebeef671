/**
 * What RESP carries, the protocol of Redis: version 2, and version 3, which adds types
 * (https://redis.io/docs/latest/develop/reference/protocol-spec/).
 *
 *     +OK\r\n                        a string, short and without line ends
 *     -ERR no such key\r\n           an error
 *     :42\r\n                        a whole number
 *     $5\r\nhello\r\n                bytes; $-1\r\n is null
 *     *2\r\n:1\r\n:2\r\n             an array of values; *-1\r\n is null
 *     _\r\n  #t\r\n  ,1.5\r\n        null, true, a floating-point number             (these and the following in version 3)
 *     (123456789012345678901\r\n     a whole number of any size
 *     !9\r\nERR short\r\n            an error
 *     =7\r\ntxt:abc\r\n              text, behind what kind it is of
 *     %1\r\n+key\r\n:1\r\n           a map: keys and values in turn
 *     ~1\r\n:1\r\n                   a set
 *     >2\r\n+message\r\n+hi\r\n      what nobody has asked for
 *     |1\r\n+ttl\r\n:3\r\n           something about the value that follows
 */
export type Value =
  | string
  | Uint8Array
  | number
  | bigint
  | boolean
  | null
  | RespError
  | Push
  | Value[]
  | Map<Value, Value>
  | Set<Value>;

/** An error that came as a value: `ERR unknown command`. */
export class RespError extends Error {
  override readonly name: string = "RespError";

  /** The first word, by which programs know it: `WRONGTYPE`. */
  get code(): string {
    return this.message.split(" ", 1)[0]!;
  }
}

/** What came without having been asked for. */
export class Push {
  readonly items: readonly Value[];

  constructor(items: readonly Value[]) {
    this.items = items;
  }
}
