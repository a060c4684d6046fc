import { z } from 'zod';
import { runPlan } from '../run/run-seed.ts';
import { violationsOf } from '../run/tally.ts';
import { readPlan } from '../schedule/read-plan.ts';
import { serveOrders } from './serve-orders.ts';

/** A worker that runs one plan and answers with what was violated. */

const orderSchema = z.object({
  /** The plan's file, as text. */
  text: z.string(),
});
export type PlanOrder = z.infer<typeof orderSchema>;

export interface PlanAnswer {
  readonly violations: readonly string[];
}

serveOrders(orderSchema, async ({ text }): Promise<PlanAnswer> => {
  const read = readPlan(text);
  if (read.kind === 'invalid') throw new Error(read.problems.join('; '));
  return { violations: violationsOf(await runPlan(read.plan)) };
});
