import { ensureError } from '@sagamesh/runtime/errors';
import type { z } from 'zod';

/** A worker process: gets orders, carries them out one after the other, answers each. Ends with its parent. */
export function serveOrders<Order, Answer extends object>(
  orderSchema: z.ZodType<Order>,
  work: (order: Order) => Promise<Answer>,
): void {
  process.on('message', (message: unknown) => {
    void work(orderSchema.parse(message)).then(
      (answer) => process.send?.(answer),
      (error: unknown) => {
        process.stderr.write(`${ensureError(error).stack ?? String(error)}\n`);
        process.exit(1);
      },
    );
  });
  process.on('disconnect', () => process.exit(0));
}

/** Between two runs: a run leaves the event loop no turn, so the end of the parent would be heard only when the whole order is done. */
export function hearTheParent(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}
