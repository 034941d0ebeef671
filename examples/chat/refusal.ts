/** What is not done, and why: the member who wanted it is told. */
export class Refusal extends Error {}
