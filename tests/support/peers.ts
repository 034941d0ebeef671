/** Programs that nobody here wrote, as peers. Where one is missing, its tests are skipped, and with `CI=true` they fail. */
import { spawnSync } from "node:child_process";
import process from "node:process";

/**
 * Registers with `node:test`: why a test of this peer is skipped, if it is.
 * @param probe A line of the shell that succeeds if the peer is there, with all that the test needs of it.
 */
export function needs(
  command: string,
  probe: string = `command -v ${command}`,
): { skip: string | false } {
  const isHere = spawnSync("sh", ["-c", probe]).status === 0;
  return { skip: !isHere && process.env["CI"] !== "true" && `${command} is not installed` };
}

/** The name of a test of a peer, which says so where it is skipped. */
export function named(name: string, { skip }: { skip: string | false }): string {
  return skip ? `${name} (${skip})` : name;
}
