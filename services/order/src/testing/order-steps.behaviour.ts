import { randomUUID } from 'node:crypto';
import type { Command } from '@sagamesh/contracts/messages';
import type { Order } from '@sagamesh/contracts/order';
import type { Db } from '@sagamesh/kit/db';
import { createOutbox } from '@sagamesh/kit/outbox';
import { commandBuilder } from '@sagamesh/kit/testing/command-builder';
import { openStepHarness, type StepHarness } from '@sagamesh/kit/testing/step-harness';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { orderSteps } from '../order-steps.ts';
import { findOrder, seedPriceList } from '../order-store.ts';
import { placeOrder } from '../place-order.ts';

/** The saga steps of the order service on a database with its tables. */

const items = [{ sku: 'KEYBOARD', quantity: 1, unitPriceCents: 4_999 }];
const execute = { direction: 'execute' } as const;

/** The commands that the operator sends for one saga of the default plan. */
function sagaOf(order: Partial<Order> = {}) {
  const build = commandBuilder({ order: { currency: 'EUR', items, ...order } });
  return {
    create: () => build({ ...execute, step: 'createOrder', action: 'create' }),
    cancel: () => build({ direction: 'compensate', step: 'createOrder', action: 'cancel' }),
    confirm: () => build({ ...execute, step: 'confirmOrder', action: 'confirm' }),
    revoke: () => build({ direction: 'revoke', step: 'confirmOrder', action: 'confirm' }),
  };
}

/** What the intake sends for an order that it cannot make a saga for: its own saga uid, made from the event id. */
function refusalOf(order: Order, settings: Command['with'] = {}): Command {
  const build = commandBuilder({ sagaUid: randomUUID(), orderId: order.id, order });
  return build({ ...execute, step: 'refuse', action: 'refuse', with: settings });
}

export function orderStepsBehaviour(name: string, open: () => Promise<Db>): void {
  describe(`the steps of the order service on ${name}`, () => {
    let db: Db;
    let service: StepHarness;

    beforeAll(async () => {
      db = await open();
    });
    afterAll(() => db.close());
    beforeEach(async () => {
      await db.exec('truncate orders, price_list, outbox, saga_fence');
      await seedPriceList(db);
      service = openStepHarness({ service: 'order', db, steps: orderSteps });
    });

    const stateOf = async (orderId: string) => {
      const record = await findOrder(db, orderId);
      return record && { state: record.state, sagaUid: record.sagaUid };
    };
    const eventTypes = async () => (await service.events()).map(({ eventType }) => eventType);

    /** An order that came in over HTTP, as the intake then puts it into an OrderSaga. */
    async function placedOrder(): Promise<Order> {
      const request = { items: [{ sku: 'MOUSE', quantity: 2 }], paymentMethod: 'pm_card_visa' };
      const options = { outbox: createOutbox(), announceAfterMillis: 30_000 };
      const placement = await db.tx((tx) => placeOrder(tx, 'ada', request, options));
      if (placement.kind === 'invalid') throw new Error('the order was not priced');
      return placement.record.order;
    }

    describe('create', () => {
      it('inserts the order of a saga and says nothing: order.created would start a second saga', async () => {
        const create = sagaOf().create();
        expect(await service.send(create)).toMatchObject({ outcome: 'Executed' });
        expect(await stateOf(create.order.id)).toEqual({ state: 'PENDING', sagaUid: create.sagaUid });
        expect((await findOrder(db, create.order.id))?.order).toEqual(create.order);
        expect(await eventTypes()).toEqual([]);
      });

      it('answers the same again', async () => {
        const saga = sagaOf();
        await service.send(saga.create());
        expect(await service.send(saga.create())).toMatchObject({ outcome: 'Executed' });
      });

      it('claims the order that came in over HTTP', async () => {
        const order = await placedOrder();
        const create = sagaOf(order).create();
        expect(await service.send(create)).toMatchObject({ outcome: 'Executed' });
        expect(await stateOf(order.id)).toEqual({ state: 'PENDING', sagaUid: create.sagaUid });
      });

      it('honours the price that was agreed over HTTP, whatever the list says by now', async () => {
        const order = await placedOrder();
        await db.query(`update price_list set unit_price_cents = 1`);
        expect(await service.send(sagaOf(order).create())).toMatchObject({ outcome: 'Executed' });
      });

      it('refuses an order id that another saga has', async () => {
        const first = sagaOf().create();
        await service.send(first);
        const second = sagaOf(first.order).create();
        expect(await service.send(second)).toMatchObject({ outcome: 'Rejected', reason: 'OrderIdTaken' });
        expect(await stateOf(first.order.id)).toEqual({ state: 'PENDING', sagaUid: first.sagaUid });
      });

      it('refuses an order id that was used and ended', async () => {
        const first = sagaOf();
        await service.send(first.create());
        await service.send(first.cancel());
        const again = sagaOf(first.create().order).create();
        expect(await service.send(again)).toMatchObject({ outcome: 'Rejected', reason: 'OrderIdTaken' });
      });

      it('refuses to claim an order with other content', async () => {
        const order = await placedOrder();
        const other = sagaOf({ ...order, customerId: 'eve' }).create();
        expect(await service.send(other)).toMatchObject({ outcome: 'Rejected', reason: 'OrderIdTaken' });
        expect(await stateOf(order.id)).toEqual({ state: 'PENDING', sagaUid: null });
      });

      it('refuses another order that names the event of an order from HTTP', async () => {
        const placed = await placedOrder();
        const { sourceEventId = '' } = placed;
        expect(await service.send(sagaOf({ sourceEventId }).create())).toMatchObject({
          outcome: 'Rejected',
          reason: 'OrderIdTaken',
          message: expect.stringContaining(placed.id),
        });
        expect(await stateOf(placed.id)).toEqual({ state: 'PENDING', sagaUid: null });
      });

      it('refuses another price, naming SKU and both prices, and keeps nothing', async () => {
        const create = sagaOf({ items: [{ ...items[0]!, unitPriceCents: 1 }] }).create();
        expect(await service.send(create)).toMatchObject({
          outcome: 'Rejected',
          reason: 'PriceMismatch',
          message: expect.stringMatching(/KEYBOARD.* 1 cents.*4999 cents/),
        });
        expect(await stateOf(create.order.id)).toBeUndefined();
      });

      it('refuses an unknown SKU', async () => {
        const create = sagaOf({ items: [{ sku: 'UNICORN', quantity: 1, unitPriceCents: 1 }] }).create();
        expect(await service.send(create)).toMatchObject({ outcome: 'Rejected', reason: 'UnknownSku' });
      });

      it.each(['inserted', 'claimed'])(
        'gives an order to exactly one of many sagas at once (%s)',
        async (how) => {
          const order = how === 'claimed' ? await placedOrder() : sagaOf().create().order;
          const creates = Array.from({ length: 10 }, () => sagaOf(order).create());
          const outcomes = (await Promise.all(creates.map((create) => service.send(create)))).map(
            ({ outcome }) => outcome,
          );
          expect(outcomes.filter((outcome) => outcome === 'Executed')).toHaveLength(1);
          expect(outcomes.filter((outcome) => outcome === 'Rejected')).toHaveLength(9);
          const winner = creates[outcomes.indexOf('Executed')];
          expect(await stateOf(order.id)).toEqual({ state: 'PENDING', sagaUid: winner?.sagaUid });
        },
      );
    });

    describe('confirm', () => {
      it('confirms the order of its saga and says so', async () => {
        const saga = sagaOf({ contact: { email: 'ada@example.org' } });
        const { order, sagaUid } = saga.create();
        await service.send(saga.create());
        expect(await service.send(saga.confirm())).toMatchObject({ outcome: 'Executed' });
        expect(await stateOf(order.id)).toEqual({ state: 'CONFIRMED', sagaUid });
        expect(await service.events()).toMatchObject([
          {
            eventType: 'order.confirmed',
            aggregateId: order.id,
            payload: {
              orderId: order.id,
              sagaUid,
              amountCents: 4_999,
              currency: 'EUR',
              customerId: order.customerId,
              contact: { email: 'ada@example.org' },
            },
          },
        ]);
      });

      it('says no to a saga that does not have the order', async () => {
        const owner = sagaOf();
        await service.send(owner.create());
        const other = sagaOf(owner.create().order);
        expect(await service.send(other.confirm())).toMatchObject({
          outcome: 'Rejected',
          reason: 'OrderNotPending',
        });
        expect(await stateOf(owner.create().order.id)).toMatchObject({ state: 'PENDING' });
      });

      it('says no after cancel', async () => {
        const saga = sagaOf();
        await service.send(saga.create());
        await service.send(saga.cancel());
        expect(await service.send(saga.confirm())).toMatchObject({ outcome: 'Rejected' });
      });

      it('is fenced off by REVOKE, and REVOKE comes too late after it', async () => {
        const revoked = sagaOf();
        await service.send(revoked.create());
        expect(await service.send(revoked.revoke())).toMatchObject({ outcome: 'Revoked' });
        expect(await service.send(revoked.confirm())).toMatchObject({ outcome: 'Fenced' });

        const confirmed = sagaOf();
        await service.send(confirmed.create());
        await service.send(confirmed.confirm());
        expect(await service.send(confirmed.revoke())).toMatchObject({ outcome: 'PivotPassed' });
      });
    });

    describe('cancel', () => {
      it('cancels the order once and says so once', async () => {
        const saga = sagaOf();
        await service.send(saga.create());
        expect(await service.send(saga.cancel())).toMatchObject({ outcome: 'Compensated' });
        expect(await service.send(saga.cancel())).toMatchObject({ outcome: 'Compensated' });
        expect(await stateOf(saga.create().order.id)).toMatchObject({ state: 'CANCELLED' });
        expect(await eventTypes()).toEqual(['order.cancelled']);
      });

      it('never touches a confirmed order', async () => {
        const saga = sagaOf();
        await service.send(saga.create());
        await service.send(saga.confirm());
        expect(await service.send(saga.cancel())).toMatchObject({ outcome: 'Failed' });
        expect(await stateOf(saga.create().order.id)).toMatchObject({ state: 'CONFIRMED' });
      });

      it('before create: cancels the unclaimed order that the saga was made for, and create stays away', async () => {
        const saga = sagaOf(await placedOrder());
        const { order } = saga.create();
        expect(await service.send(saga.cancel())).toMatchObject({ outcome: 'NothingToUndo' });
        expect(await stateOf(order.id)).toEqual({ state: 'CANCELLED', sagaUid: null });
        expect(await eventTypes()).toEqual(['order.created', 'order.cancelled']);
        expect(await service.send(saga.create())).toMatchObject({ outcome: 'Fenced' });
      });

      it('before create: leaves the order of another event and of another saga alone', async () => {
        const order = await placedOrder();
        const { sourceEventId: _, ...byHand } = order;
        const stranger = sagaOf(byHand);
        expect(await service.send(stranger.cancel())).toMatchObject({ outcome: 'NothingToUndo' });
        const owner = sagaOf(order);
        await service.send(owner.create());
        expect(await service.send(sagaOf(order).cancel())).toMatchObject({ outcome: 'NothingToUndo' });
        expect(await stateOf(order.id)).toEqual({ state: 'PENDING', sagaUid: owner.create().sagaUid });
      });
    });

    describe('refuse', () => {
      it('cancels the unclaimed order, once, and says why', async () => {
        const order = await placedOrder();
        const refusal = refusalOf(order, { reason: 'NameTaken', message: 'an OrderSaga of another order' });
        expect(await service.send(refusal)).toMatchObject({ outcome: 'Executed' });
        expect(await service.send(refusal)).toMatchObject({ outcome: 'Executed' });
        const reworded = { ...refusal, with: { reason: 'NameTaken', message: 'said differently' } };
        expect(await service.send(reworded)).toMatchObject({ outcome: 'Mismatch' });
        expect(await service.send(refusalOf(order))).toMatchObject({ outcome: 'Executed' });
        expect(await findOrder(db, order.id)).toMatchObject({
          state: 'CANCELLED',
          sagaUid: null,
          cancelReason: 'no saga could be made for this order (NameTaken)',
        });
        expect(await eventTypes()).toEqual(['order.created', 'order.cancelled']);
      });

      it('leaves a claimed order to its saga', async () => {
        const order = await placedOrder();
        await service.send(sagaOf(order).create());
        expect(await service.send(refusalOf(order))).toMatchObject({
          outcome: 'Rejected',
          reason: 'OrderNotPending',
        });
        expect(await stateOf(order.id)).toMatchObject({ state: 'PENDING' });
      });

      it('and create at the same time: one of them wins and the other is told', async () => {
        const order = await placedOrder();
        const create = sagaOf(order).create();
        const [created, refused] = await Promise.all([service.send(create), service.send(refusalOf(order))]);
        const outcomes = [created.outcome, refused.outcome].toSorted();
        expect(outcomes).toEqual(['Executed', 'Rejected']);
        expect(await stateOf(order.id)).toEqual(
          created.outcome === 'Executed'
            ? { state: 'PENDING', sagaUid: create.sagaUid }
            : { state: 'CANCELLED', sagaUid: null },
        );
      });
    });

    describe('the tables themselves', () => {
      it('refuse to reopen an ended order and to change a claim', async () => {
        const saga = sagaOf();
        const { order, sagaUid } = saga.create();
        await service.send(saga.create());
        const change = (set: string) => db.query(`update orders set ${set} where id = $1`, [order.id]);
        await expect(change(`saga_uid = null`)).rejects.toThrow(sagaUid);
        await service.send(saga.confirm());
        await expect(change(`state = 'PENDING'`)).rejects.toThrow('CONFIRMED');
      });
    });
  });
}
