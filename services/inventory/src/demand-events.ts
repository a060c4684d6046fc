import { onEvent } from '@sagamesh/kit/inbox';
import { aggregateLines } from './stock-decisions.ts';
import { addDemand } from './stock-store.ts';

/** Counts what customers ask for. Never touches stock: only a saga's reservation does. An order announced twice counts once (inbox). */
export const demandSubscription = onEvent('order.created', async (tx, event) => {
  await addDemand(tx, aggregateLines(event.payload.order.items));
});
