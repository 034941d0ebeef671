/**
 * How a file is sent: a description, and its bytes, as many frames as it takes, each with a checksum of its own.
 *
 *     C: {"name":"photo.jpg","size":123456}
 *     S: {"ready":true}                                  or {"error":"there is a photo.jpg already"}, and a close
 *     C: bytes, bytes, bytes ...                         123,456 in all
 *     S: {"received":123456,"sha256":"..."}
 */
import { createHash, randomUUID } from "node:crypto";
import { createReadStream } from "node:fs";
import { type FileHandle, link, open, stat, unlink } from "node:fs/promises";
import { basename, join } from "node:path";
import type { Chat, Codec } from "../../mod.ts";
import { UserError } from "../command_line.ts";

/** The bytes of a file in one frame. */
const PIECE = 60 * 1024;
const text = new TextDecoder();

/** The other side says that it cannot be done, or what it says cannot be true. */
export class TransferError extends UserError {
  override readonly name: string = "TransferError";
}

/** What the two sides tell each other. */
interface Message {
  readonly name?: unknown;
  readonly size?: unknown;
  readonly ready?: unknown;
  readonly error?: unknown;
  readonly received?: unknown;
  readonly sha256?: unknown;
}

/** A file that has arrived. */
export interface Received {
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
}

/**
 * Sends a file, and returns its SHA-256 when the server says that it has the same.
 * @param framing The chat's terminator, as each piece of the file is a frame.
 * @param onPiece Is told how many bytes were taken, each time that some are.
 */
export async function sendFile(
  chat: Chat,
  framing: Codec,
  path: string,
  onPiece: (bytes: number) => void,
): Promise<string> {
  const { size } = await stat(path);
  chat.push(framing.encode(JSON.stringify({ name: basename(path), size })));
  const answer = await readMessage(chat);
  if (answer.ready !== true) {
    throw new TransferError(String(answer.error ?? "the server is not ready"));
  }

  const hash = createHash("sha256");
  async function* pieces(): AsyncGenerator<Uint8Array> {
    let sent = 0;
    for await (const piece of createReadStream(path, { highWaterMark: PIECE })) {
      hash.update(piece);
      sent += piece.length;
      yield framing.encode(piece);
      onPiece(piece.length); // it is asked for more when the peer has taken that
    }
    if (sent !== size) throw new TransferError(`${path} had ${size} bytes, and has ${sent} now`);
  }
  chat.push(pieces());
  const { received, sha256, error } = await readMessage(chat);
  if (error !== undefined) throw new TransferError(String(error));
  const own = hash.digest("hex");
  if (received === size && sha256 === own) return own;
  throw new TransferError(
    `the server has ${received} bytes with the SHA-256 ${sha256}, not ${size} with ${own}`,
  );
}

/**
 * Receives one file into a folder. It is there when all of it is, and not before.
 * @param maxSize The longest file, in bytes.
 * @returns `undefined` if the client has ended without sending one.
 */
export async function receiveFile(
  chat: Chat,
  framing: Codec,
  folder: string,
  maxSize: number,
): Promise<Received | undefined> {
  const tell = (message: Message): Promise<void> =>
    chat.push(framing.encode(JSON.stringify(message)));
  const first = await chat.read();
  if (first === null) return undefined;
  try {
    const { name, size } = checkOffer(parse(first), maxSize);
    const path = join(folder, name);
    if (await exists(path)) throw alreadyThere(name);
    tell({ ready: true });
    const sha256 = await receiveInto(chat, folder, path, size);
    tell({ received: size, sha256 });
    return { path, size, sha256 };
  } catch (error) {
    const isKnown = error instanceof TransferError;
    tell({ error: isKnown ? error.message : "the file could not be received" });
    await chat.closeWhenDone().catch(() => {}); // what is thrown ends the chat, and the client is to know why
    throw error;
  }
}

/** Writes to a file of another name, which gets its own when all is there. */
async function receiveInto(
  chat: Chat,
  folder: string,
  path: string,
  size: number,
): Promise<string> {
  const partial = join(folder, `.${randomUUID()}.part`);
  const file = await open(partial, "wx");
  try {
    const sha256 = await writeFrames(chat, file, size);
    await file.sync();
    await link(partial, path).catch((error) => { // unlike rename(), this does not take the place of another file
      throw error.code === "EEXIST" ? alreadyThere(basename(path)) : error;
    });
    return sha256;
  } finally {
    await file.close();
    await unlink(partial);
  }
}

async function writeFrames(chat: Chat, file: FileHandle, size: number): Promise<string> {
  const hash = createHash("sha256");
  let received = 0;
  while (received < size) {
    const piece = await chat.read();
    if (piece === null) {
      throw new TransferError(`the file ended after ${received} of ${size} bytes`);
    }
    // One who sends nothing, again and again, would never be done.
    if (piece.length === 0) throw new TransferError("a piece of a file must have bytes");
    received += piece.length;
    if (received > size) {
      throw new TransferError(`the file has more than the ${size} bytes it was said to have`);
    }
    hash.update(piece);
    for (let at = 0; at < piece.length;) at += (await file.write(piece, at)).bytesWritten;
  }
  return hash.digest("hex");
}

function alreadyThere(name: string): TransferError {
  return new TransferError(`there is a ${name} already`);
}

/** What a client chooses is a name in the folder, and nothing else: no file system has one of more than 255 bytes. */
function checkOffer({ name, size }: Message, maxSize: number): { name: string; size: number } {
  const isName = typeof name === "string" && /^[^\p{Cc}/\\:.][^\p{Cc}/\\:]*$/u.test(name);
  if (!isName || new TextEncoder().encode(name).length > LONGEST_NAME) {
    throw new TransferError(`no file can be called ${JSON.stringify(name)?.slice(0, 80)} here`);
  }
  if (!Number.isSafeInteger(size) || size as number < 0 || size as number > maxSize) {
    throw new TransferError(
      `a file must have at most ${maxSize} bytes, not ${JSON.stringify(size)?.slice(0, 80)}`,
    );
  }
  return { name, size: size as number };
}

const LONGEST_NAME = 200;

async function readMessage(chat: Chat): Promise<Message> {
  const frame = await chat.read();
  if (frame === null) throw new TransferError("the server has closed the connection");
  return parse(frame);
}

function parse(frame: Uint8Array): Message {
  try {
    const message: unknown = JSON.parse(text.decode(frame));
    if (typeof message === "object" && message !== null) return message;
  } catch {
    // said below
  }
  throw new TransferError(
    `expected a message, not ${JSON.stringify(text.decode(frame.subarray(0, 80)))}`,
  );
}

async function exists(path: string): Promise<boolean> {
  return await stat(path).then(() => true, () => false);
}
