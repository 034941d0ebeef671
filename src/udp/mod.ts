/**
 * UDP.
 *
 * @module
 */
export {};
