/** How many messages to ask for: never more than there are free hands, so that nothing waits in a buffer while its ack_wait runs. */

export interface Demand {
  readonly concurrency: number;
  /** Messages in handlers or waiting for one. */
  readonly held: number;
  /** Messages asked for and not yet come. */
  readonly outstanding: number;
}

/** The batch of the next pull request; 0 = none now. Asks again in quarters of the concurrency, to keep requests few under load. */
export function nextBatch(demand: Demand): number {
  const free = demand.concurrency - demand.held - demand.outstanding;
  const worthwhile = Math.max(1, Math.ceil(demand.concurrency / 4));
  return free >= worthwhile || (free > 0 && demand.outstanding === 0) ? free : 0;
}
