import type { Version } from "./encode.ts";
import { fromKey, toKey } from "./key.ts";
import { matches } from "./pattern.ts";
import type { Store } from "./store.ts";
import { RespError, type Value } from "./value.ts";

/** Whoever sends commands. */
export interface Client {
  readonly id: number;
  version: Version;
  name: string;
  /** Set by QUIT: after the answer, the connection is closed. */
  isLeaving: boolean;
}

interface Command {
  /** How many words it takes, with its own name; less than zero: at least as many. */
  readonly arity: number;
  run(words: readonly Uint8Array[], store: Store, client: Client): Value;
}

const decoder = new TextDecoder();
const encoder = new TextEncoder();
const text = (word: Uint8Array): string => decoder.decode(word);
const bytes = (value: number | bigint | string): Uint8Array => encoder.encode(String(value));

const OK = "OK";
const SYNTAX = new RespError("ERR syntax error");
const NO_INTEGER = new RespError("ERR value is not an integer or out of range");
const NO_MEMORY = new RespError("OOM command not allowed when used memory > 'maxmemory'.");

/** What `redis-benchmark` asks for, and prints. */
const SETTINGS = { appendonly: "no", save: "" };

/** Does what a command says. Errors are answers, too. */
export function execute(words: readonly Uint8Array[], store: Store, client: Client): Value {
  const name = toKey(words[0]!).toLowerCase();
  const command = commands.get(name);
  if (command === undefined) return unknown(words);
  const { arity } = command;
  if (arity < 0 ? words.length < -arity : words.length !== arity) {
    return new RespError(`ERR wrong number of arguments for '${name}' command`);
  }
  return command.run(words, store, client);
}

function unknown([name, ...words]: readonly Uint8Array[]): RespError {
  const shown = (word: Uint8Array): string => text(word.subarray(0, 128));
  const beginning = words.slice(0, 10).map((word) => `'${shown(word)}' `).join("").slice(0, 128);
  return new RespError(
    `ERR unknown command '${shown(name!)}', with args beginning with: ${beginning}`,
  );
}

const commands: Map<string, Command> = new Map();

/** Makes a command known by its name. */
function register(name: string, arity: number, run: Command["run"]): void {
  commands.set(name, { arity, run });
}

// Connections

register("ping", -1, ([, word]) => word ?? "PONG");
register("echo", 2, ([, word]) => word!);
register("quit", -1, (_words, _store, client) => {
  client.isLeaving = true;
  return OK;
});
register(
  "select",
  2,
  ([, index]) => text(index!) === "0" ? OK : new RespError("ERR DB index is out of range"),
);
register("hello", -1, ([, version], _store, client) => {
  if (version !== undefined) {
    if (!/^[23]$/.test(text(version))) return new RespError("NOPROTO unsupported protocol version");
    client.version = Number(text(version)) as Version;
  }
  const { id, version: proto } = client;
  const about = {
    server: "asynchat",
    version: "0.1.0",
    proto,
    id,
    mode: "standalone",
    role: "master",
  };
  return new Map<Value, Value>([
    ...Object.entries(about).map((
      [key, value],
    ): [Value, Value] => [bytes(key), typeof value === "string" ? bytes(value) : value]),
    [bytes("modules"), []],
  ]);
});
register("client", -2, ([, verb, name], _store, client) => {
  switch (text(verb!).toLowerCase()) {
    case "setname":
      client.name = text(name ?? new Uint8Array());
      return OK;
    case "getname":
      return bytes(client.name);
    case "id":
      return client.id;
    case "setinfo":
      return OK;
    default:
      return new RespError(`ERR unknown subcommand '${text(verb!.subarray(0, 128))}'`);
  }
});

// Values

register("get", 2, (words, store) => store.get(toKey(words[1]!)) ?? null);
register("set", -3, (words, store) => {
  const wishes = words.length === 3 ? NO_WISHES : readSetOptions(words.slice(3));
  if (wishes instanceof RespError) return wishes;
  const name = toKey(words[1]!);
  const old = wishes.get || wishes.only !== undefined ? store.get(name) : undefined;
  const answer = wishes.get ? old?.slice() ?? null : OK;
  if (wishes.only !== undefined && (wishes.only === "xx") !== (old !== undefined)) {
    return wishes.get ? answer : null;
  }
  if (!store.set(name, words[2]!)) return NO_MEMORY;
  if (!wishes.keepTtl) store.expireAfter(name, wishes.milliseconds);
  return answer;
});
register("getdel", 2, ([, key], store) => {
  const value = store.get(toKey(key!)) ?? null;
  store.delete(toKey(key!));
  return value;
});
register("getset", 3, ([, key, value], store) => {
  const old = store.get(toKey(key!)) ?? null;
  if (!store.set(toKey(key!), value!)) return NO_MEMORY;
  store.expireAfter(toKey(key!), undefined);
  return old;
});
register("setnx", 3, ([, key, value], store) => {
  if (store.has(toKey(key!))) return 0;
  return store.set(toKey(key!), value!) ? 1 : NO_MEMORY;
});
register("mget", -2, ([, ...keys], store) => keys.map((key) => store.get(toKey(key)) ?? null));
register("mset", -3, ([, ...words], store) => {
  if (words.length % 2 !== 0) {
    return new RespError("ERR wrong number of arguments for 'mset' command");
  }
  for (let at = 0; at < words.length; at += 2) {
    if (!store.set(toKey(words[at]!), words[at + 1]!)) return NO_MEMORY;
    store.expireAfter(toKey(words[at]!), undefined);
  }
  return OK;
});
register("append", 3, ([, key, more], store) => {
  const old = store.get(toKey(key!)) ?? new Uint8Array();
  const all = new Uint8Array(old.length + more!.length);
  all.set(old);
  all.set(more!, old.length);
  return store.set(toKey(key!), all) ? all.length : NO_MEMORY;
});
register("strlen", 2, ([, key], store) => store.get(toKey(key!))?.length ?? 0);
register("incr", 2, ([, key], store) => add(store, key!, 1n));
register("decr", 2, ([, key], store) => add(store, key!, -1n));
register("incrby", 3, ([, key, by], store) => add(store, key!, toInteger(by!)));
register("decrby", 3, ([, key, by], store) => {
  const number = toInteger(by!);
  if (number === LEAST) return new RespError("ERR decrement would overflow");
  return add(store, key!, number === undefined ? undefined : -number);
});

// Keys

register("del", -2, ([, ...keys], store) => keys.filter((key) => store.delete(toKey(key))).length);
register(
  "unlink",
  -2,
  ([, ...keys], store) => keys.filter((key) => store.delete(toKey(key))).length,
);
register("exists", -2, ([, ...keys], store) => keys.filter((key) => store.has(toKey(key))).length);
register("type", 2, ([, key], store) => store.has(toKey(key!)) ? "string" : "none");
register("expire", 3, (words, store) => expire(store, "expire", words, 1_000n));
register("pexpire", 3, (words, store) => expire(store, "pexpire", words, 1n));
register("ttl", 2, ([, key], store) => remaining(store, key!, 1_000));
register("pttl", 2, ([, key], store) => remaining(store, key!, 1));
register("persist", 2, ([, key], store) => {
  const name = toKey(key!);
  if (!store.has(name) || store.remaining(name) === undefined) return 0;
  store.expireAfter(name, undefined);
  return 1;
});
register("keys", 2, ([, pattern], store) => keysLike(store, pattern!));
register("scan", -2, ([, , ...options], store) => {
  // All at once, and the cursor says that there is no more: what Redis does with a small database.
  const at = options.findIndex((word) => text(word).toLowerCase() === "match");
  const found = keysLike(store, options[at + 1] ?? bytes("*"));
  return found instanceof RespError ? found : [bytes("0"), found];
});

// The server

register("dbsize", 1, (_words, store) => store.size);
for (const name of ["flushdb", "flushall"]) {
  register(name, -1, (_words, store) => {
    store.clear();
    return OK;
  });
}
register(
  "command",
  -1,
  ([, verb]) => verb !== undefined && text(verb).toLowerCase() === "count" ? commands.size : [],
);
register("config", -3, ([, verb, ...names]) => {
  if (text(verb!).toLowerCase() !== "get") {
    return new RespError("ERR this server's settings cannot be changed");
  }
  const asked = names.map((name) => toKey(name).toLowerCase());
  const found = Object.entries(SETTINGS).filter(([name]) =>
    asked.some((like) => matches(like, name))
  );
  return new Map(found.map(([name, value]): [Value, Value] => [bytes(name), bytes(value)]));
});
register("info", -1, (_words, store) =>
  bytes(
    `# Server\r\nredis_version:7.0.0\r\nredis_mode:standalone\r\n# Memory\r\nused_memory:${store.bytes}\r\n` +
      `# Keyspace\r\ndb0:keys=${store.size}\r\n`,
  ));

/** Of the whole numbers of 64 bits, the one that has no opposite. */
const LEAST = -(2n ** 63n);

interface SetOptions {
  only?: "nx" | "xx";
  get?: boolean;
  keepTtl?: boolean;
  milliseconds?: number;
}

const NO_WISHES: SetOptions = {};

function readSetOptions(words: readonly Uint8Array[]): SetOptions | RespError {
  const options: SetOptions = {};
  for (let at = 0; at < words.length; at++) {
    const word = text(words[at]!).toLowerCase();
    if ((word === "nx" || word === "xx") && options.only === undefined) options.only = word;
    else if (word === "get") options.get = true;
    else if (word === "keepttl" && options.milliseconds === undefined) options.keepTtl = true;
    else if (/^p?ex$/.test(word) && !options.keepTtl && options.milliseconds === undefined) {
      const time = words[++at];
      if (time === undefined) return SYNTAX;
      const number = toInteger(time);
      if (number === undefined) return NO_INTEGER;
      const milliseconds = toMilliseconds(number, word === "ex" ? 1_000n : 1n);
      if (number <= 0n || milliseconds === undefined) return wrongTime("set");
      options.milliseconds = milliseconds;
    } else return SYNTAX;
  }
  return options;
}

function add(store: Store, key: Uint8Array, by: bigint | undefined): Value {
  const name = toKey(key);
  const value = store.get(name);
  const old = value === undefined ? 0n : toInteger(value);
  if (old === undefined || by === undefined) return NO_INTEGER;
  const sum = old + by;
  if (BigInt.asIntN(64, sum) !== sum) {
    return new RespError("ERR increment or decrement would overflow");
  }
  return store.set(name, bytes(sum)) ? sum : NO_MEMORY;
}

function expire(store: Store, command: string, words: readonly Uint8Array[], unit: bigint): Value {
  const [, key, time] = words;
  const number = toInteger(time!);
  if (number === undefined) return NO_INTEGER;
  const milliseconds = toMilliseconds(number, unit);
  if (milliseconds === undefined) return wrongTime(command);
  const name = toKey(key!);
  if (!store.has(name)) return 0;
  store.expireAfter(name, milliseconds);
  return 1;
}

/** The latest moment that Redis knows, in milliseconds since 1970. */
const LATEST = 2n ** 63n - 1n;

/** A time from now, in milliseconds, if there is such a moment. */
function toMilliseconds(time: bigint, unit: bigint): number | undefined {
  const milliseconds = time * unit;
  const isMoment = milliseconds > -LATEST && milliseconds <= LATEST - BigInt(Date.now());
  return isMoment ? Number(milliseconds) : undefined;
}

function wrongTime(command: string): RespError {
  return new RespError(`ERR invalid expire time in '${command}' command`);
}

/** What a pattern of many stars costs grows with its length times that of a key, and all clients wait for it. */
const LONGEST_PATTERN = 1024;

/** As Redis has it: -2 if there is no such key, and -1 if it stays. */
function remaining(store: Store, key: Uint8Array, unit: number): Value {
  const name = toKey(key);
  if (!store.has(name)) return -2;
  const milliseconds = store.remaining(name);
  return milliseconds === undefined ? -1 : BigInt(Math.round(milliseconds / unit));
}

function keysLike(store: Store, pattern: Uint8Array): Value {
  if (pattern.length > LONGEST_PATTERN) return new RespError("ERR the pattern is too long");
  const like = toKey(pattern);
  return [...store.keys()].filter((key) => matches(like, key)).map(fromKey);
}

/** A whole number of 64 bits, written as Redis writes it. */
function toInteger(word: Uint8Array): bigint | undefined {
  const digits = word.length <= 20 ? text(word) : "";
  if (!/^(0|-?[1-9]\d*)$/.test(digits)) return undefined;
  const number = BigInt(digits);
  return BigInt.asIntN(64, number) === number ? number : undefined;
}
