import type { ContestResult } from "./contest.ts";

/** What was measured: the last time that it was. */
export interface Results {
  machine: string;
  /** By runtime. */
  readonly versions: Record<string, string>;
  /** By workload and runtime. */
  readonly workloads: Record<string, Record<string, readonly ContestResult[]>>;
}
