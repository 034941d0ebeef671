import { randomUUID } from "node:crypto";
import { type FileHandle, open, rename, rm } from "node:fs/promises";
import { join } from "node:path";

/** Who has sent a mail, and to whom. */
export interface Envelope {
  readonly from: string;
  readonly to: readonly string[];
}

/** Where a mail goes while it comes. */
export interface Delivery {
  write(piece: Uint8Array): Promise<void>;
  /** All was written: the mail is kept, under the name that is returned. */
  commit(): Promise<string>;
  /** There will be no mail. */
  abort(): Promise<void>;
}

/** What takes mails. */
export interface Store {
  begin(envelope: Envelope): Promise<Delivery>;
}

/** Keeps each mail as a file, which is there when all of it is, and not before. */
export class Folder implements Store {
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
  }

  async begin(): Promise<Delivery> {
    const id = randomUUID();
    const partial = join(this.#path, `.${id}.part`);
    const file = await open(partial, "wx");
    return {
      write: (piece) => writeAll(file, piece),
      commit: async () => {
        await file.sync(); // what is answered with 250 must not be lost (RFC 5321, section 6.1)
        await file.close();
        await rename(partial, join(this.#path, `${id}.eml`));
        return `${id}.eml`;
      },
      abort: async () => {
        await file.close().catch(() => {}); // it may be closed already
        await rm(partial, { force: true });
      },
    };
  }
}

/** Keeps nothing. */
export class Nowhere implements Store {
  begin(): Promise<Delivery> {
    return Promise.resolve({
      write: () => Promise.resolve(),
      commit: () => Promise.resolve(randomUUID()),
      abort: () => Promise.resolve(),
    });
  }
}

async function writeAll(file: FileHandle, piece: Uint8Array): Promise<void> {
  for (let at = 0; at < piece.length;) at += (await file.write(piece, at)).bytesWritten;
}
