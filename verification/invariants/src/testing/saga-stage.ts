import type { Direction, Reply, ReplyOutcome } from '@sagamesh/contracts/messages';
import { orderSagaFinalizer, orderSagaSpecSchema, defaultPlan } from '@sagamesh/contracts/order-saga';
import type { Condition, OrderSagaStatus, Outcome, Step, StepState } from '@sagamesh/contracts/order-saga';
import type { CommandFact, FenceState, OrderRow, SagaVersion } from '../facts.ts';
import type { StageBooks } from './stage-books.ts';

/** One saga on a stage: each call does what an honest system does, and its single parts are there for what an honest one would not do. */
export interface SagaOptions {
  /** Default: the name. */
  readonly orderId?: string;
  /** Default: the plan of the bundled services. */
  readonly steps?: typeof defaultPlan;
}

export class SagaStage {
  readonly uid: string;
  readonly name: string;
  readonly orderId: string;
  readonly spec;
  readonly versions: SagaVersion[] = [];
  readonly states = new Map<string, StepState>();
  gone = false;
  abandoned: NonNullable<OrderSagaStatus['abandoned']> = [];
  failure: OrderSagaStatus['failure'];
  readonly #books: StageBooks;
  readonly #index: number;
  #sends = 0;

  constructor(books: StageBooks, name: string, index: number, options: SagaOptions) {
    this.#books = books;
    this.#index = index;
    this.uid = `00000000-0000-4000-8000-00000000000${index}`;
    this.name = name;
    this.orderId = options.orderId ?? name;
    this.spec = orderSagaSpecSchema.parse({
      order: {
        id: this.orderId,
        customerId: 'ada',
        currency: 'EUR',
        items: [{ sku: 'MOUSE', quantity: 2, unitPriceCents: 50 }],
        paymentMethod: 'pm_card_visa',
      },
      steps: options.steps ?? defaultPlan,
    });
    for (const step of this.spec.steps) this.states.set(step.name, 'Pending');
    this.status({ finalizers: [] });
    this.status();
  }

  fact() {
    return {
      uid: this.uid,
      name: this.name,
      createdAtMillis: this.versions[0]?.atMillis ?? 0,
      versions: this.versions,
      gone: this.gone,
    };
  }

  /** EXECUTE, effect, row and reply, in order. No names: the whole plan. */
  run(...names: readonly string[]): this {
    for (const name of names.length > 0 ? names : this.spec.steps.map((step) => step.name)) {
      this.send(name, 'execute').effect(name).fence(name, 'executed').reply(name, 'execute', 'Executed');
      this.states.set(name, 'Done');
      this.status();
    }
    return this;
  }

  /** EXECUTE is told no. */
  refuse(name: string): this {
    this.send(name, 'execute').fence(name, 'rejected').reply(name, 'execute', 'Rejected');
    this.states.set(name, 'Rejected');
    return this;
  }

  /** The cause of an abort is stored. */
  turnRound(): this {
    this.failure = { step: this.#pivot().name, reason: 'Cancelled', message: '' };
    return this.status();
  }

  /** The cause is recorded, REVOKE sent and acknowledged. */
  abort(): this {
    const { name } = this.#pivot();
    this.turnRound().send(name, 'revoke').fence(name, 'tombstone').reply(name, 'revoke', 'Revoked');
    this.states.set(name, 'Revoked');
    return this;
  }

  /** COMPENSATE of each, acknowledged. No names: every step before the pivot, in reverse. */
  undo(...names: readonly string[]): this {
    const { steps } = this.spec;
    const before = steps.slice(0, steps.indexOf(this.#pivot())).map((step) => step.name);
    for (const name of names.length > 0 ? names : before.toReversed()) {
      this.send(name, 'compensate');
      const state = this.#books.fenceRows.get(`${this.uid}/${name}`)?.state;
      if (state === 'executed') {
        this.undoEffect(name).fence(name, 'compensated').reply(name, 'compensate', 'Compensated');
        this.states.set(name, 'Compensated');
      } else {
        if (state === undefined) this.fence(name, 'tombstone');
        this.reply(name, 'compensate', 'NothingToUndo');
        if (state !== 'rejected') this.states.set(name, 'NothingToUndo');
      }
      this.status();
    }
    return this;
  }

  end(outcome: Outcome): this {
    for (const [name, state] of this.states) if (state === 'Pending') this.states.set(name, 'Skipped');
    this.status({ outcome });
    this.status({ outcome, finalizers: [] });
    return this;
  }

  complete(): this {
    return this.run().end('Completed');
  }

  /** All before the pivot done, then undone. */
  compensate(): this {
    return this.run('createOrder', 'reserveInventory', 'processPayment').abort().undo().end('Compensated');
  }

  /** A person names the step; the acknowledgement counts as given. */
  abandon(step: string, direction: Direction): this {
    this.abandoned = [...this.abandoned, { step, direction, by: 'eve', at: '2030-01-01T00:00:00Z' }];
    this.states.set(step, 'Abandoned');
    return this.status({ abandonStep: step });
  }

  send(name: string, direction: Direction, change: Partial<CommandFact['command']> = {}): this {
    const step = this.#step(name);
    this.#sends += 1;
    const command = {
      version: 1,
      commandId: `${this.uid}/${name}/${direction}/nonce/${this.#sends}`,
      sagaUid: this.uid,
      orderId: this.orderId,
      step: name,
      action: direction === 'compensate' ? (step.compensate ?? '') : step.execute,
      direction,
      attempt: 1,
      deadline: '2030-01-01T00:00:00Z',
      order: this.spec.order,
      with: step.with,
      results: {},
      ...change,
    } as const;
    this.#books.commands.push({ position: this.#books.next(), service: step.service, command });
    return this;
  }

  reply(
    name: string,
    direction: Direction,
    outcome: ReplyOutcome,
    result: Readonly<Record<string, string>> = {},
  ): this {
    const reply: Reply = {
      version: 1,
      commandId: `${this.uid}/${name}/${direction}/nonce/1`,
      sagaUid: this.uid,
      step: name,
      direction,
      outcome,
      result,
      reason: '',
      message: '',
    };
    this.#books.replies.push({ position: this.#books.next(), reply });
    return this;
  }

  fence(name: string, state: FenceState | 'deleted'): this {
    const place = { service: this.#step(name).service, sagaUid: this.uid, step: name };
    this.#books.fenceChanges.push({ ...place, state, position: this.#books.next() });
    const key = `${this.uid}/${name}`;
    if (state === 'deleted') this.#books.fenceRows.delete(key);
    else this.#books.fenceRows.set(key, { ...place, state });
    return this;
  }

  effect(name: string): this {
    const { service, execute } = this.#step(name);
    switch (`${service}/${execute}`) {
      case 'order/create':
        return this.#order('PENDING');
      case 'order/confirm':
        return this.#order('CONFIRMED').#event('order', 'order.confirmed');
      case 'inventory/reserve':
        return this.#move('reserved');
      case 'inventory/settle':
        return this.#move('sold');
      case 'payment/charge':
        return this.#pay(name, 'captured');
      default:
        this.#books.otherEffects.push({ service, sagaUid: this.uid, step: name, kind: 'executed' });
        return this;
    }
  }

  undoEffect(name: string): this {
    const { service, execute } = this.#step(name);
    switch (`${service}/${execute}`) {
      case 'order/create':
        return this.#order('CANCELLED').#event('order', 'order.cancelled');
      case 'inventory/reserve':
        return this.#move('released');
      case 'payment/charge':
        return this.#pay(name, 'refunded');
      default:
        this.#books.otherEffects.push({ service, sagaUid: this.uid, step: name, kind: 'compensated' });
        return this;
    }
  }

  /** Stores a version that says how things are, but for the change. */
  status(change: Partial<SagaVersion> & Partial<Pick<OrderSagaStatus, 'outcome' | 'steps'>> = {}): this {
    const { outcome, steps, ...version } = change;
    const position = this.#books.next();
    const done = [...this.states.values()].filter((state) => state === 'Done').length;
    this.versions.push({
      position,
      atMillis: position,
      generation: 1,
      spec: this.spec,
      status: {
        observedGeneration: 1,
        conditions: [succeeded(outcome)],
        steps: steps ?? [...this.states].map(([name, state]) => ({ name, state, attempts: 1 })),
        progress: `${done}/${this.spec.steps.length}`,
        ...(this.failure ? { failure: this.failure } : {}),
        ...(this.abandoned.length > 0 ? { abandoned: this.abandoned } : {}),
        ...(outcome ? { outcome } : {}),
      },
      finalizers: [orderSagaFinalizer],
      deleting: false,
      ...version,
    });
    return this;
  }

  #step(name: string): Step {
    const step = this.spec.steps.find((other) => other.name === name);
    if (!step) throw new RangeError(`no step ${name}`);
    return step;
  }

  #pivot(): Step {
    const step = this.spec.steps.find(({ pivot }) => pivot);
    if (!step) throw new RangeError('no pivot');
    return step;
  }

  #order(state: OrderRow['state']): this {
    const { orderId, uid: sagaUid } = this;
    this.#books.orders.set(orderId, {
      id: orderId,
      sagaUid,
      state,
      totalCents: 100,
      currency: 'EUR',
      sourceEventId: null,
    });
    this.#books.orderChanges.push({ orderId, sagaUid, state, position: this.#books.next() });
    return this;
  }

  #move(kind: 'reserved' | 'released' | 'sold'): this {
    const { orderId, uid: sagaUid } = this;
    this.#books.movements.push({ kind, sku: 'MOUSE', quantity: 2, sagaUid, orderId });
    this.#books.reservations.set(sagaUid, { sagaUid, id: `res-${sagaUid}`, orderId, state: kind });
    return this.#event('inventory', `inventory.${kind}`);
  }

  #pay(step: string, kind: 'captured' | 'refunded'): this {
    const { orderId, uid: sagaUid } = this;
    const intentId = `pi_${this.#index}`;
    const money = { sagaUid, step, orderId, amountCents: 100, currency: 'EUR' };
    const moves = kind === 'captured' ? this.#books.captures : this.#books.refunds;
    moves.push({ ...money, id: `${kind}_${this.#index}_${moves.length}`, intentId, currency: 'eur' });
    this.#books.ledger.push({ ...money, paymentId: intentId, kind });
    this.#books.payments.set(intentId, { ...money, paymentId: intentId, status: kind });
    return this.#event('payment', `payment.${kind}`);
  }

  #event(service: string, eventType: string): this {
    const { orderId, uid: sagaUid } = this;
    this.#books.outbox.push({
      service,
      eventId: `event-${this.#books.outbox.length}`,
      eventType,
      aggregateId: orderId,
      sagaUid,
      orderId,
      published: true,
    });
    return this;
  }
}

function succeeded(outcome: Outcome | undefined): Condition {
  const status = outcome === undefined ? 'Unknown' : outcome === 'Completed' ? 'True' : 'False';
  const lastTransitionTime = '2030-01-01T00:00:00Z';
  return {
    type: 'Succeeded',
    status,
    reason: outcome ?? 'StepRunning',
    message: '',
    lastTransitionTime,
    observedGeneration: 1,
  };
}
