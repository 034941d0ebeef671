// A promise that is settled from outside. (That of the library marks rejections as handled; here none should be hidden.)

export class Deferred<T = void> {
  readonly promise: Promise<T>;
  readonly resolve: (value: T) => void;
  readonly reject: (reason: unknown) => void;

  constructor() {
    let settle!: Deferred<T>["resolve"];
    let fail!: Deferred<T>["reject"];
    this.promise = new Promise<T>((resolve, reject) => {
      settle = resolve;
      fail = reject;
    });
    this.resolve = settle;
    this.reject = fail;
  }
}
