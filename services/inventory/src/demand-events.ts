import { type EventSubscription, onEvent } from '@sagamesh/kit/inbox';
import type { StockCache } from './stock-cache.ts';
import { aggregateLines } from './stock-decisions.ts';
import { addDemand } from './stock-store.ts';

/** Counts what customers ask for. Never touches stock: only a saga's reservation does. An order announced twice counts once (inbox). */
export function demandSubscription(cache: StockCache): EventSubscription {
  return onEvent('order.created', async (tx, event) => {
    const lines = aggregateLines(event.payload.order.items);
    await addDemand(tx, lines);
    cache.forgetAfterCommit(tx, lines);
  });
}
