import { z } from 'zod';
import { addResult, emptyTally } from '../run/tally.ts';
import { runSeed } from '../run/run-seed.ts';
import { hearTheParent, serveOrders } from './serve-orders.ts';

/** A worker that gets seeds, runs them one after the other, and answers with the tally. */

const orderSchema = z.object({
  seeds: z.array(z.int()),
  /** Every so many seeds run on a real SQL engine; 0: none. */
  sqlEvery: z.int(),
  /** Every so many seeds run twice, and both traces must agree; 0: none. */
  repeatEvery: z.int(),
});
export type WorkerOrder = z.infer<typeof orderSchema>;

serveOrders(orderSchema, async ({ seeds, sqlEvery, repeatEvery }) => {
  const tally = emptyTally();
  for (const seed of seeds) {
    const onSql = sqlEvery > 0 && seed % sqlEvery === 0;
    const twice = repeatEvery > 0 && seed % repeatEvery === 0;
    addResult(tally, await runSeed(seed, { onSql, twice }));
    await hearTheParent();
  }
  return tally;
});
