/** A file without a test, for the test of the test runner. */
export {};
