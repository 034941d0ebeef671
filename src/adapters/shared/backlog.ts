/**
 * How many connections the system may keep for a listener that has not accepted them yet: what comes beyond that stalls for
 * seconds, because the system tries it again later. The runtimes ask for 511; the system takes what it allows of this. (8,000
 * connections at once were served in 2.5 s with it, and 5,000 of them after 20 s without. Bun has no option for it.)
 */
export const BACKLOG = 4096;
