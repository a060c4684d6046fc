import type { Command } from '@sagamesh/contracts/messages';
import type { Db } from '@sagamesh/kit/db';
import { createOutbox } from '@sagamesh/kit/outbox';
import { commandBuilder } from '@sagamesh/kit/testing/command-builder';
import { openStepHarness, type StepHarness } from '@sagamesh/kit/testing/step-harness';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { demandSubscription } from '../demand-events.ts';
import { inventorySteps } from '../inventory-steps.ts';
import { findStock, listStock, restock, seedStock } from '../stock-store.ts';

/** The saga steps of the inventory service on a database with its tables. */

type Lines = readonly (readonly [sku: string, quantity: number])[];

/** The commands that the operator sends for one saga of the default plan. */
function sagaOf(...lines: Lines) {
  const items = lines.map(([sku, quantity]) => ({ sku, quantity, unitPriceCents: 100 }));
  const build = commandBuilder({ order: { items } });
  const reserve = { direction: 'execute', step: 'reserveInventory', action: 'reserve' } as const;
  return {
    reserve: (change = {}) => build({ ...reserve, ...change }),
    release: () => build({ ...reserve, direction: 'compensate', action: 'release' }),
    settle: () => build({ direction: 'execute', step: 'settleInventory', action: 'settle' }),
  };
}

export function inventoryStepsBehaviour(name: string, open: () => Promise<Db>): void {
  describe(`the steps of the inventory service on ${name}`, () => {
    let db: Db;
    let service: StepHarness;
    let changedSkus: string[];

    beforeEach(async () => {
      db = await open();
      await seedStock(db, [
        { sku: 'A', quantity: 10 },
        { sku: 'B', quantity: 1 },
        { sku: 'C', quantity: 0 },
      ]);
      changedSkus = [];
      const steps = inventorySteps((tx, lines) =>
        tx.afterCommit(() => void changedSkus.push(...lines.map(({ sku }) => sku))),
      );
      service = openStepHarness({ service: 'inventory', db, steps });
    });
    afterEach(async () => {
      const wrong = await imbalances();
      if (wrong.length > 0) throw new Error(`the law of conservation is broken: ${JSON.stringify(wrong)}`);
      await db.close();
    });

    /** The law of conservation, derived from the movements alone: what disagrees with the stock table. */
    async function imbalances() {
      const { rows } = await db.query(
        `select s.sku from stock s left join (
         select sku,
           coalesce(sum(quantity) filter (where kind in ('initial', 'restocked')), 0) as supplied,
           coalesce(sum(quantity) filter (where kind = 'reserved'), 0) as reserved,
           coalesce(sum(quantity) filter (where kind = 'released'), 0) as released,
           coalesce(sum(quantity) filter (where kind = 'sold'), 0) as sold
         from movements group by sku) m on m.sku = s.sku
       where m.sku is null or s.available <> supplied - m.reserved + released
         or s.reserved <> m.reserved - released - m.sold or s.sold <> m.sold
         or supplied <> s.available + s.reserved + s.sold`,
      );
      return rows;
    }
    const levels = async () =>
      Object.fromEntries(
        (await listStock(db, null, 100)).map((level) => [
          level.sku,
          [level.available, level.reserved, level.sold],
        ]),
      );
    const eventTypes = async () => (await service.events()).map(({ eventType }) => eventType);

    describe('reserve', () => {
      it('takes several SKUs at once, one of them asked for twice', async () => {
        const saga = sagaOf(['B', 1], ['A', 2], ['A', 3]);
        const { sagaUid, orderId } = saga.reserve();
        expect(await service.send(saga.reserve())).toMatchObject({
          outcome: 'Executed',
          result: { reservationId: `res-${sagaUid}` },
        });
        expect(await levels()).toMatchObject({ A: [5, 5, 0], B: [0, 1, 0] });
        expect(await service.events()).toMatchObject([
          {
            eventType: 'inventory.reserved',
            aggregateId: orderId,
            payload: {
              orderId,
              sagaUid,
              reservationId: `res-${sagaUid}`,
              items: [
                { sku: 'B', quantity: 1 },
                { sku: 'A', quantity: 2 },
                { sku: 'A', quantity: 3 },
              ],
            },
          },
        ]);
        expect(changedSkus.toSorted()).toEqual(['A', 'B']);
      });

      it('takes it once, however often it is asked', async () => {
        const saga = sagaOf(['A', 2]);
        const replies = await Promise.all(
          [1, 2, 3].map((attempt) => service.send(saga.reserve({ attempt }))),
        );
        expect(replies.map(({ outcome }) => outcome)).toEqual(['Executed', 'Executed', 'Executed']);
        expect(await levels()).toMatchObject({ A: [8, 2, 0] });
      });

      it('takes nothing at all when one SKU is short, and says which', async () => {
        const saga = sagaOf(['A', 1], ['B', 2]);
        expect(await service.send(saga.reserve())).toMatchObject({
          outcome: 'Rejected',
          reason: 'OutOfStock',
          message: 'SKU B: asked 2, available 1',
        });
        expect(await levels()).toEqual({ A: [10, 0, 0], B: [1, 0, 0], C: [0, 0, 0] });
        expect(await service.events()).toMatchObject([
          { eventType: 'inventory.rejected', payload: { reason: 'SKU B: asked 2, available 1' } },
        ]);
        expect(changedSkus).toEqual([]);
      });

      it('stays rejected when stock comes in: the answer was given', async () => {
        const saga = sagaOf(['C', 1]);
        await service.send(saga.reserve());
        await db.tx((tx) => restock(tx, 'C', 5));
        expect(await service.send(saga.reserve())).toMatchObject({ outcome: 'Rejected' });
        expect(await service.send(saga.release())).toMatchObject({ outcome: 'NothingToUndo' });
        expect(await levels()).toMatchObject({ C: [5, 0, 0] });
      });

      it('refuses an unknown SKU', async () => {
        const reply = await service.send(sagaOf(['A', 1], ['UNICORN', 1]).reserve());
        expect(reply).toMatchObject({
          outcome: 'Rejected',
          reason: 'UnknownSku',
          message: expect.stringContaining('UNICORN'),
        });
      });

      it('refuses a plan that reserves twice', async () => {
        const saga = sagaOf(['A', 1]);
        await service.send(saga.reserve());
        const second = saga.reserve({ step: 'reserveMore' });
        expect(await service.send(second)).toMatchObject({ outcome: 'Rejected', reason: 'AlreadyReserved' });
        expect(await levels()).toMatchObject({ A: [9, 1, 0] });
      });

      it('gives the last piece to one of twenty sagas at once', async () => {
        const sagas = Array.from({ length: 20 }, () => sagaOf(['B', 1]));
        const replies = await Promise.all(sagas.map((saga) => service.send(saga.reserve())));
        const outcomes = replies.map(({ outcome }) => outcome).toSorted();
        expect(outcomes).toEqual(['Executed', ...Array.from({ length: 19 }, () => 'Rejected')]);
        expect(await levels()).toMatchObject({ B: [0, 1, 0] });
      });

      it('never deadlocks when orders name their SKUs in opposite orders', async () => {
        await db.tx((tx) => restock(tx, 'B', 100));
        const sagas = Array.from({ length: 20 }, (_, index) =>
          index % 2 === 0 ? sagaOf(['A', 1], ['B', 1]) : sagaOf(['B', 1], ['A', 1]),
        );
        const replies = await Promise.all(sagas.map((saga) => service.send(saga.reserve())));
        const outcomes = replies.map(({ outcome }) => outcome);
        expect(outcomes.filter((outcome) => outcome === 'Executed')).toHaveLength(10);
        expect(outcomes.filter((outcome) => outcome === 'Rejected')).toHaveLength(10);
      });
    });

    describe('release', () => {
      it('gives everything back, once', async () => {
        const saga = sagaOf(['A', 2], ['B', 1]);
        await service.send(saga.reserve());
        expect(await service.send(saga.release())).toMatchObject({ outcome: 'Compensated' });
        expect(await service.send(saga.release())).toMatchObject({ outcome: 'Compensated' });
        expect(await levels()).toMatchObject({ A: [10, 0, 0], B: [1, 0, 0] });
        expect(await eventTypes()).toEqual(['inventory.reserved', 'inventory.released']);
        expect(changedSkus.toSorted()).toEqual(['A', 'A', 'B', 'B']);
      });

      it('before reserve has nothing to give back, and reserve stays away', async () => {
        const saga = sagaOf(['A', 2]);
        expect(await service.send(saga.release())).toMatchObject({ outcome: 'NothingToUndo' });
        expect(await service.send(saga.reserve())).toMatchObject({ outcome: 'Fenced' });
        expect(await levels()).toMatchObject({ A: [10, 0, 0] });
      });

      it('and reserve at the same time leave nothing reserved', async () => {
        const sagas = Array.from({ length: 10 }, () => sagaOf(['A', 1]));
        const commands = sagas.flatMap((saga): Command[] => [saga.reserve(), saga.release()]);
        await Promise.all(commands.map((command) => service.send(command)));
        expect(await levels()).toMatchObject({ A: [10, 0, 0] });
      });
    });

    describe('settle', () => {
      it('sells what is reserved, once', async () => {
        const saga = sagaOf(['A', 2], ['A', 1]);
        await service.send(saga.reserve());
        expect(await service.send(saga.settle())).toMatchObject({ outcome: 'Executed' });
        expect(await service.send(saga.settle())).toMatchObject({ outcome: 'Executed' });
        expect(await levels()).toMatchObject({ A: [7, 0, 3] });
        expect(await eventTypes()).toEqual(['inventory.reserved', 'inventory.sold']);
      });

      it('says no without a reservation and after release', async () => {
        expect(await service.send(sagaOf(['A', 1]).settle())).toMatchObject({
          outcome: 'Rejected',
          reason: 'NotReserved',
        });
        const released = sagaOf(['A', 1]);
        await service.send(released.reserve());
        await service.send(released.release());
        expect(await service.send(released.settle())).toMatchObject({
          outcome: 'Rejected',
          reason: 'NotReserved',
          message: expect.stringContaining('released'),
        });
      });

      it('is never taken back', async () => {
        const saga = sagaOf(['A', 1]);
        await service.send(saga.reserve());
        await service.send(saga.settle());
        expect(await service.send(saga.release())).toMatchObject({ outcome: 'Failed' });
        expect(await levels()).toMatchObject({ A: [9, 0, 1] });
      });
    });

    describe('demand', () => {
      const noCache = {
        get: async () => undefined,
        forgetAfterCommit: () => undefined,
      };
      const receive = async (eventId: string) => {
        const { order } = sagaOf(['A', 2], ['A', 1], ['NOT-SOLD-HERE', 1]).reserve();
        const event = {
          eventId,
          eventType: 'order.created',
          aggregateId: order.id,
          timestamp: '2030-01-01T00:00:00.000Z',
          version: 1,
          payload: { order, totalCents: 400 },
        };
        const message = {
          subject: 'events.order.created',
          body: new TextEncoder().encode(JSON.stringify(event)),
          headers: { get: () => undefined },
          deliveryCount: 1,
          streamSequence: 1,
        };
        const receipt = await demandSubscription(noCache).receive(message, { db, outbox: createOutbox() });
        return receipt.kind;
      };

      it('counts each order.created once and takes nothing from stock', async () => {
        expect(await receive('event-1')).toBe('processed');
        expect(await receive('event-1')).toBe('duplicate');
        expect(await findStock(db, 'A')).toMatchObject({ demanded: 3, available: 10 });
        expect(await receive('event-2')).toBe('processed');
        expect(await findStock(db, 'A')).toMatchObject({ demanded: 6, available: 10 });
      });
    });

    describe('the tables themselves', () => {
      it.each([`update movements set quantity = 1`, `delete from movements`, `truncate movements`])(
        'refuse to rewrite the ledger: %s',
        async (statement) => {
          await expect(db.query(statement)).rejects.toThrow('append-only');
        },
      );

      it('refuse less than nothing', async () => {
        await expect(db.query(`update stock set available = -1 where sku = 'B'`)).rejects.toThrow('check');
      });

      it('are seeded only while the catalogue is empty', async () => {
        expect(await seedStock(db, [{ sku: 'D', quantity: 5 }])).toBe(0);
        expect(Object.keys(await levels())).toEqual(['A', 'B', 'C']);
      });
    });
  });
}
