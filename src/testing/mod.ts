/**
 * For those who write an adapter: what holds it to the guarantees of a connection. For those who write a protocol: a
 * connection on which everything that may happen does.
 *
 * ```ts
 * import { memoryPair } from "@asynchat/asynchat";
 * import { checkConnection } from "@asynchat/asynchat/testing";
 *
 * await checkConnection(() => memoryPair()); // throws if a guarantee is not kept
 * ```
 *
 * @module
 */
export { chaos, type ChaosOptions } from "./chaos.ts";
export {
  checkConnection,
  ConformanceError,
  CONNECTION_CHECKS,
  type ConnectionCheck,
  type MakePair,
} from "./conformance.ts";
