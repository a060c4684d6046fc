import type { ReplyOutcome } from '@sagamesh/contracts/messages';
import type { Order } from '@sagamesh/contracts/order';
import { unreachable } from '@sagamesh/contracts/unreachable';
import type { FenceDecision } from '@sagamesh/kit/fence-decision';
import {
  decideClaim,
  decideConfirm,
  decideRefusal,
  isUnclaimedOrderOf,
} from '@sagamesh/service-order/order-decisions';
import type { OrderRecord } from '@sagamesh/service-order/order-record';
import type { IntakeWorld, OrderRow } from './state-space-intake-world.ts';
import { withRow } from './state-space-services.ts';

/**
 * The order service with one order: its real decisions, and what its handlers make of them (`order-steps.ts`), in memory.
 *
 * Left out: orders of equal id with another content than the event, and two orders of one event.
 */

export interface OrderParts {
  readonly decideClaim: typeof decideClaim;
  readonly decideConfirm: typeof decideConfirm;
  readonly decideRefusal: typeof decideRefusal;
  readonly isUnclaimedOrderOf: typeof isUnclaimedOrderOf;
}

export const realOrderParts: OrderParts = { decideClaim, decideConfirm, decideRefusal, isUnclaimedOrderOf };

const eventId = '00000000-0000-4000-8000-000000000001';
const uids = ['uid-1', 'uid-2'] as const;
const createStep = 0;

const plainOrder: Order = {
  id: 'order-1',
  customerId: 'ada',
  currency: 'EUR',
  items: [{ sku: 'KEYBOARD', quantity: 1, unitPriceCents: 4_999 }],
  paymentMethod: 'pm_card_visa',
};
const announcedOrder: Order = { ...plainOrder, sourceEventId: eventId };

export class OrderService {
  readonly #namesEvent: readonly [boolean, boolean];
  readonly #parts: OrderParts;

  constructor(namesEvent: readonly [boolean, boolean], parts: OrderParts) {
    this.#namesEvent = namesEvent;
    this.#parts = parts;
  }

  first(placed: boolean): OrderRow {
    return { state: placed ? 'PENDING' : 'ABSENT', claim: null, hasEvent: placed, wasRevived: false };
  }

  /** What the handler of this command does, once the fence has decided; the answer, or null for Failed. */
  carryOut(world: IntakeWorld, side: 0 | 1, step: number, decision: FenceDecision): ReplyOutcome | null {
    const saga = world.sagas[side];
    switch (decision.kind) {
      case 'apply': {
        const done = step === createStep ? this.#create(world.order, side) : this.#confirm(world.order, side);
        saga.rows = withRow(saga.rows, step, done ? 'executed' : 'rejected');
        return done ? 'Executed' : 'Rejected';
      }
      case 'undo':
        if (world.order.claim !== side || world.order.state !== 'PENDING') return null;
        world.order.state = 'CANCELLED';
        saga.rows = withRow(saga.rows, step, 'compensated');
        return 'Compensated';
      case 'bury':
        saga.rows = withRow(saga.rows, step, 'tombstone');
        if (decision.outcome === 'NothingToUndo') this.#cancelUnclaimed(world.order, side);
        return decision.outcome;
      case 'repeat':
        return decision.outcome;
      case 'answer':
        return decision.outcome === 'NotAPivot' ? null : decision.outcome;
      case 'continue':
        throw new Error('nothing of an order is outside');
      default:
        return unreachable(decision);
    }
  }

  #create(order: OrderRow, side: 0 | 1): boolean {
    const existing = recordOf(order);
    if (existing && this.#parts.decideClaim(existing, this.#wanted(side)).kind === 'rejected') return false;
    if (!existing) order.hasEvent = this.#namesEvent[side];
    if (existing && existing.state !== 'PENDING') order.wasRevived = true;
    order.state = 'PENDING';
    order.claim = side;
    return true;
  }

  #confirm(order: OrderRow, side: 0 | 1): boolean {
    const decision = this.#parts.decideConfirm(recordOf(order), plainOrder.id, uids[side]);
    if (decision.kind === 'rejected') return false;
    order.state = 'CONFIRMED';
    return true;
  }

  #cancelUnclaimed(order: OrderRow, side: 0 | 1): void {
    if (this.#parts.isUnclaimedOrderOf(recordOf(order), this.#wanted(side))) order.state = 'CANCELLED';
  }

  refuse(world: IntakeWorld): void {
    const decision = this.#parts.decideRefusal(recordOf(world.order), announcedOrder);
    if (decision.kind === 'cancel') world.order.state = 'CANCELLED';
    world.refusal = withRow(world.refusal, 0, decision.kind === 'rejected' ? 'rejected' : 'executed');
  }

  #wanted(side: 0 | 1): Order {
    return this.#namesEvent[side] ? announcedOrder : plainOrder;
  }
}

const epoch = new Date(0);

function recordOf({ state, claim, hasEvent }: OrderRow): OrderRecord | undefined {
  if (state === 'ABSENT') return undefined;
  return {
    number: 1,
    order: hasEvent ? announcedOrder : plainOrder,
    totalCents: 4_999,
    state,
    sagaUid: claim === null ? null : uids[claim],
    cancelReason: null,
    createdAt: epoch,
    updatedAt: epoch,
  };
}
