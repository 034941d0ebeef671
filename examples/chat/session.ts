import {
  BackpressureError,
  type Chat,
  ChatError,
  FrameTooLongError,
  type Framing,
  lines,
  TimeoutError,
} from "../../mod.ts";
import type { Watch } from "../watching/watch.ts";
import { obey, type Speaker } from "./commands.ts";
import type { Hub } from "./hub.ts";
import { notice, refusal } from "./line.ts";
import { Member } from "./member.ts";

/** The options of a chat that is served: lines of text. One that does not read them is closed. */
export const CHAT: {
  readonly terminator: Framing;
  readonly encoding: "utf-8";
  readonly maxFrameLength: number;
  readonly maxQueuedBytes: number;
  readonly incomplete: "yield";
} = {
  terminator: lines(),
  encoding: "utf-8",
  maxFrameLength: 1024,
  maxQueuedBytes: 256 * 1024,
  // Who sends half a line and no more has said it.
  incomplete: "yield",
};

/** How long somebody may take to say a name, in milliseconds. */
const NAME_TIMEOUT = 60_000;

/**
 * Serves one member, from the first line to the last.
 *
 * ```text
 *   "* your name?" ──▶ a name ──▶ in the first room ──▶ line, line, ...
 *         ▲              │ taken, or none              said, or a command
 *         └──────────────┘
 * ```
 */
export async function serveMember(chat: Chat<string>, hub: Hub, watch: Watch): Promise<void> {
  const member = new Member(chat, watch);
  const speaker: Speaker = { hub, member, farewell: undefined };
  let why = "leaves";
  try {
    member.tell(notice("your name?"));
    await converse(chat, speaker, watch);
    why = speaker.farewell ?? why;
  } catch (error) {
    why = reasonOf(error);
    if (!(error instanceof TimeoutError)) throw error;
    member.tell(refusal(`you have said no name within ${NAME_TIMEOUT / 1_000} s`));
  } finally {
    await hub.leave(member, why);
  }
}

async function converse(chat: Chat<string>, speaker: Speaker, watch: Watch): Promise<void> {
  const { member } = speaker;
  while (speaker.farewell === undefined) {
    try {
      const timeout = member.nick === "" ? NAME_TIMEOUT : Infinity;
      const line = await chat.read(undefined, { timeout });
      if (line === null) return;
      watch.received(chat, line);
      await obey(speaker, line);
    } catch (error) {
      if (!(error instanceof FrameTooLongError)) throw error;
      member.tell(refusal(`a line has at most ${error.limit} bytes`));
    }
    await chat.push(); // who asks, and does not read the answers, is not heard
  }
}

/** What the others are told of the end of somebody's connection. */
function reasonOf(error: unknown): string {
  if (error instanceof BackpressureError) return "does not read";
  if (error instanceof TimeoutError) return "is silent";
  return error instanceof ChatError ? "the connection is lost" : "something went wrong";
}
