import type { Facts } from '../facts.ts';
import { SagaStage } from './saga-stage.ts';
import type { SagaOptions } from './saga-stage.ts';
import { StageBooks } from './stage-books.ts';

/**
 * Tells the story of sagas step by step and hands out the facts that it leaves behind. Each call does what an honest system does; a test of a
 * violation tells the one thing differently. Single parts (`send`, `effect`, `fence`, `reply`, `status`) are there for that.
 */
export class Stage extends StageBooks {
  readonly sagas: SagaStage[] = [];

  saga(name: string, options: SagaOptions = {}): SagaStage {
    const saga = new SagaStage(this, name, this.sagas.length + 1, options);
    this.sagas.push(saga);
    return saga;
  }

  /** Everything that a collector can see, at rest. */
  facts(change: Partial<Facts> = {}): Facts {
    const sum = (kinds: readonly string[]) =>
      this.movements.reduce((total, move) => total + (kinds.includes(move.kind) ? move.quantity : 0), 0);
    const [reserved, released, sold] = [sum(['reserved']), sum(['released']), sum(['sold'])];
    return {
      atQuiesce: true,
      oneOrder: true,
      orders: [...this.orders.values()],
      orderChanges: this.orderChanges,
      stock: [
        {
          sku: 'MOUSE',
          available: sum(['initial', 'restocked']) - reserved + released,
          reserved: reserved - released - sold,
          sold,
        },
      ],
      stockMovements: this.movements,
      reservations: [...this.reservations.values()],
      payments: [...this.payments.values()],
      paymentLedger: this.ledger,
      provider: { captures: this.captures, refunds: this.refunds, intents: [] },
      otherEffects: this.otherEffects,
      fenceRows: [...this.fenceRows.values()],
      fenceChanges: this.fenceChanges,
      outbox: this.outbox,
      inbox: [],
      sagas: this.sagas.map((saga) => saga.fact()),
      commands: this.commands,
      replies: this.replies,
      events: this.outbox.map(({ eventId, eventType, aggregateId }) => ({
        position: this.position,
        event: { eventId, eventType, aggregateId },
      })),
      healing: { healedAtMillis: 0, boundMillis: 60_000, nowMillis: 1_000_000 },
      ...change,
    };
  }
}
