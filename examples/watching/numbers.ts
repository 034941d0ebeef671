import { Counter, Gauge, type Registry } from "prom-client";

/** A number that goes up and down, and is asked for when somebody wants to know it. One that cannot be had is not shown. */
export function addGauge(
  registry: Registry,
  name: string,
  help: string,
  measure: () => number | Promise<number>,
): void {
  new Gauge({
    name,
    help,
    registers: [registry],
    async collect() {
      this.set(await Promise.resolve().then(measure).catch(() => NaN));
    },
  });
}

/** A number that only goes up, and is asked for when somebody wants to know it. */
export function addTotal(
  registry: Registry,
  name: string,
  help: string,
  count: () => number,
): void {
  new Counter({
    name,
    help,
    registers: [registry],
    collect() {
      this.reset();
      this.inc(count());
    },
  });
}

/** A number that only goes up, and is counted by whoever has it. */
export function addCounter(registry: Registry, name: string, help: string): Counter {
  return new Counter({ name, help, registers: [registry] });
}
