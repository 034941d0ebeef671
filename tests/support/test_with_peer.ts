import { test } from "node:test";
import { named, needs } from "./peers.ts";

/**
 * Registers a test that needs a program which nobody here wrote: where it is missing, the test is skipped, and with `CI=true` it fails.
 * @param probe A line of the shell that succeeds if the peer is there, with all that the test needs of it.
 */
export function peerTest(
  command: string,
  name: string,
  work: () => void | Promise<void>,
  probe: string = `PATH=$PATH:/usr/sbin command -v ${command}`,
): void {
  const peer = needs(command, probe);
  test(named(name, peer), peer, work);
}
