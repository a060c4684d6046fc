import { z } from 'zod';
import type { OrderRead, SagaRead, StockProbe } from '@sagamesh/invariants/facts';
import type { SimApi } from '../fakes/api.ts';
import { statusOf } from '../fakes/stored-saga.ts';
import type { Sim } from '../kernel/sim.ts';
import type { Databases } from './databases.ts';

const orderState = z.enum(['PENDING', 'CONFIRMED', 'CANCELLED']);

/** What clients are told and see while things happen: orders, stock and sagas, looked at again and again. */

export interface Probes {
  readonly orderReads: readonly OrderRead[];
  readonly sagaReads: readonly SagaRead[];
  readonly stockProbes: readonly StockProbe[];
}

export class ProbeLog implements Probes {
  readonly orderReads: OrderRead[] = [];
  readonly sagaReads: SagaRead[] = [];
  readonly stockProbes: StockProbe[] = [];
  readonly #sim: Sim;
  readonly #api: SimApi;
  readonly #databases: Databases;

  constructor(sim: Sim, api: SimApi, databases: Databases) {
    this.#sim = sim;
    this.#api = api;
    this.#databases = databases;
  }

  /** Looks at everything, every so many virtual milliseconds. */
  repeat(everyMillis: number): void {
    const look = (): void => {
      this.#look();
      this.#sim.after(everyMillis, look);
    };
    this.#sim.after(everyMillis, look);
  }

  #look(): void {
    const position = this.#sim.nowMillis;
    const client = 'probe';
    for (const { id, state } of this.#databases.ordersNow()) {
      this.orderReads.push({ client, orderId: id, state: orderState.parse(state), position });
    }
    for (const { sku, available } of this.#databases.stockNow()) this.stockProbes.push({ sku, available });
    for (const [uid, events] of this.#api.record.sagas) {
      const last = events.at(-1);
      if (last === undefined || last.type === 'DELETED') continue;
      const { outcome = null } = statusOf(last.object);
      this.sagaReads.push({ client, uid, outcome, position });
    }
  }
}
