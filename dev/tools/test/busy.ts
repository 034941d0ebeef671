/** How busy the machine is. */
import { availableParallelism, loadavg } from "node:os";
import process from "node:process";

const SPIN = 100;

/**
 * Measures how many times as long work takes as on an idle machine: the time that a loop takes beside the processor time that it
 * gets, and the processes that waited for a processor in the last minute.
 */
export function slowness(): number {
  const [wall, used] = [performance.now(), process.cpuUsage()];
  let spent = 0;
  while (spent < SPIN) {
    const { user, system } = process.cpuUsage(used);
    spent = (user + system) / 1000;
  }
  const stretched = (performance.now() - wall) / spent;
  return Math.max(1, stretched, loadavg()[0]! / availableParallelism());
}
