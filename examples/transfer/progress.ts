/** How far something has come: `12.5 MB of 50.0 MB  25%  6.2 MB/s  6 s left`. */
export class Progress {
  readonly #total: number;
  readonly #now: () => number;
  readonly #begun: number;
  /** How much there was at some moments of the last seconds, the oldest first. */
  readonly #moments: { readonly at: number; readonly done: number }[] = [];
  #done = 0;

  /**
   * @param total How many bytes there are in all.
   * @param now The time, in milliseconds.
   */
  constructor(total: number, now: () => number = () => performance.now()) {
    this.#total = total;
    this.#now = now;
    this.#begun = now();
    this.#moments.push({ at: this.#begun, done: 0 });
  }

  get done(): number {
    return this.#done;
  }

  /** So many bytes more. */
  add(bytes: number): void {
    this.#done += bytes;
    const at = this.#now();
    // One a tenth of a second is enough.
    if (at - this.#moments.at(-1)!.at >= 100) this.#moments.push({ at, done: this.#done });
    while (this.#moments.length > 2 && this.#moments[1]!.at < at - REMEMBERED) {
      this.#moments.shift();
    }
  }

  /** Bytes a second, in the last seconds. */
  get rate(): number {
    const { at, done } = this.#moments[0]!;
    const seconds = (this.#now() - at) / 1_000;
    return seconds > 0 ? (this.#done - done) / seconds : 0;
  }

  /** Bytes a second, on the whole. */
  get average(): number {
    const seconds = (this.#now() - this.#begun) / 1_000;
    return seconds > 0 ? this.#done / seconds : 0;
  }

  /** How long the rest will take at this rate, in seconds. */
  get secondsLeft(): number {
    const left = this.#total - this.#done;
    return left === 0 ? 0 : left / this.rate;
  }

  toString(): string {
    const percent = this.#total === 0 ? 100 : Math.floor(100 * this.#done / this.#total);
    return `${formatBytes(this.#done)} of ${formatBytes(this.#total)}  ${percent}%  ${
      formatBytes(this.rate)
    }/s  ${formatTime(this.secondsLeft)} left`;
  }
}

/** What is older says nothing of the rate now. Milliseconds. */
const REMEMBERED = 3_000;
const UNITS = ["B", "kB", "MB", "GB", "TB"];

/** A number of bytes, for a person: `1.5 MB`. */
export function formatBytes(bytes: number): string {
  let [value, unit] = [bytes, 0];
  while (value >= 999.95 && unit < UNITS.length - 1) [value, unit] = [value / 1_000, unit + 1];
  return `${unit === 0 ? Math.round(value) : value.toFixed(1)} ${UNITS[unit]}`;
}

/** A time, for a person: `1 h 02 min`, `3 min 04 s`, `5 s`. */
export function formatTime(seconds: number): string {
  if (!Number.isFinite(seconds)) return "?";
  const whole = Math.ceil(seconds);
  const [hours, minutes] = [Math.floor(whole / 3_600), Math.floor(whole / 60) % 60];
  const two = (number: number): string => String(number).padStart(2, "0");
  if (hours > 0) return `${hours} h ${two(minutes)} min`;
  return minutes > 0 ? `${minutes} min ${two(whole % 60)} s` : `${whole} s`;
}
