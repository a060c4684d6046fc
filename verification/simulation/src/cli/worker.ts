import { ensureError } from '@sagamesh/runtime/errors';
import { z } from 'zod';
import { addResult, emptyTally } from '../run/tally.ts';
import { runSeed } from '../run/run-seed.ts';

/** A worker process: gets seeds, runs them one after the other, answers with the tally. Ends with its parent. */

const orderSchema = z.object({
  seeds: z.array(z.int()),
  /** Every so many seeds run on a real SQL engine; 0: none. */
  sqlEvery: z.int(),
  /** Every so many seeds run twice, and both traces must agree; 0: none. */
  repeatEvery: z.int(),
});
export type WorkerOrder = z.infer<typeof orderSchema>;

process.on('message', (message: unknown) => {
  void work(orderSchema.parse(message)).catch((error: unknown) => {
    process.stderr.write(`${ensureError(error).stack ?? String(error)}\n`);
    process.exit(1);
  });
});
process.on('disconnect', () => process.exit(0));

async function work({ seeds, sqlEvery, repeatEvery }: WorkerOrder): Promise<void> {
  const tally = emptyTally();
  for (const seed of seeds) {
    const onSql = sqlEvery > 0 && seed % sqlEvery === 0;
    const twice = repeatEvery > 0 && seed % repeatEvery === 0;
    addResult(tally, await runSeed(seed, { onSql, twice }));
  }
  process.send?.(tally);
}
