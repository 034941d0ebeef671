/** A promise together with the functions that settle it. Nobody need wait for it: a rejection troubles nobody then. */
export class Deferred<T = void> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (reason: Error) => void;

  constructor() {
    let settle: [resolve: (value: T) => void, reject: (reason: Error) => void];
    this.promise = new Promise<T>((resolve, reject) => settle = [resolve, reject]);
    this.promise.catch(() => {});
    [this.resolve, this.reject] = settle!;
  }
}
