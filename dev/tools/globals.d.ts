// deno-lint-ignore-file no-empty-interface no-explicit-any -- as the web declares them
/*
 * The globals that the declarations in dist/ speak of, for programs that have neither the web's declarations nor those of a
 * runtime. Where there are some, nothing is added to them. (JSR forbids this in the sources, and Deno does not need it.)
 */
/// <reference lib="esnext.disposable" />

declare global {
  interface ReadableStream<R = any> {}
  interface WritableStream<W = any> {}
}

export {};
