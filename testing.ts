/**
 * For those who write an adapter: what holds it to the guarantees of a connection.
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
export {
  checkConnection,
  ConformanceError,
  CONNECTION_CHECKS,
  type ConnectionCheck,
  type MakePair,
} from "./src/testing/conformance.ts";
