// What the scripts have exercised: each kind of step, and how it ended.

export class Coverage {
  steps = 0;
  readonly #counts: Map<string, Map<string, number>> = new Map();

  count(kind: string, outcome: string): void {
    const outcomes = this.#counts.get(kind) ?? new Map<string, number>();
    this.#counts.set(kind, outcomes);
    outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1);
  }

  /** A line for each kind: how often, and how often it ended how. */
  toString(): string {
    const lines: string[] = [];
    for (const [kind, outcomes] of [...this.#counts].sort(([a], [b]) => a < b ? -1 : 1)) {
      const sum = [...outcomes.values()].reduce((total, count) => total + count, 0);
      const parts = [...outcomes].sort(([, a], [, b]) => b - a)
        .map(([outcome, count]) => `${outcome} ${count}`);
      lines.push(`${kind.padEnd(24)} ${String(sum).padStart(8)}   ${parts.join(", ")}`);
    }
    return lines.join("\n");
  }
}
