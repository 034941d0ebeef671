/** What this process has open. (Linux) */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";

const FDS = "/proc/self/fd";

/** How many sockets are open, those not counted that a runtime has for itself (Deno opens a local pair at some point). */
export function openSockets(): number {
  const local = readFileSync("/proc/net/unix", "utf8").split("\n").map((line) =>
    line.split(/\s+/)[6]
  );
  const inodes = readdirSync(FDS).map((fd) => {
    try {
      return readlinkSync(`${FDS}/${fd}`).match(/^socket:\[(\d+)\]$/)?.[1];
    } catch {
      return undefined; // the descriptor that read the folder
    }
  });
  return inodes.filter((inode) => inode !== undefined && !local.includes(inode)).length;
}
