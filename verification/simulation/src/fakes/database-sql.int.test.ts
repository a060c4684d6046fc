import type { Db } from '@sagamesh/kit/db';
import { describeDb } from '@sagamesh/kit/testing/db.behaviour';
import { describeFence } from '@sagamesh/kit/testing/fence.behaviour';
import { inventoryMigrations } from '@sagamesh/service-inventory/inventory-migrations';
import { restock, seedStock } from '@sagamesh/service-inventory/stock-store';
import { describe, expect, it } from 'vitest';
import { Host, type SimProcess } from '../kernel/host.ts';
import { Sim, simulationEpochMillis } from '../kernel/sim.ts';
import { openSimulated } from '../testing/open-simulated.ts';
import { SimDatabase } from './database.ts';
import { SqlEngine } from './database-sql.ts';
import type { SagaFenceRow } from './tables/fence-table.ts';
import type { InboxTableRow } from './tables/messaging-tables.ts';

describeDb('simulated PGlite', () => openSimulated((sim) => SqlEngine.open({ sim, migrations: [] })));
describeFence('simulated PGlite', (migrations) =>
  openSimulated((sim) => SqlEngine.open({ sim, migrations })),
);

describe('PGlite in virtual time', () => {
  it('says what time it is in the simulation, and keeps the committed changes of fence rows in order', async () => {
    const sim = new Sim({ seed: 1 });
    const engine = await SqlEngine.open({ sim, migrations: [] });
    const database = new SimDatabase(sim, 'order', engine);
    const insert = `insert into saga_fence(saga_uid, step, state, req_hash, reference, action, order_id)
      values ($1::uuid, 's', 'pending', 'h', 'r', 'act', 'o')`;
    const move = 'update saga_fence set state = $2 where saga_uid = $1::uuid';
    const sagaUid = '00000000-0000-4000-8000-000000000001';
    const host = new Host({
      sim,
      name: 'order-1',
      role: 'order',
      program: async (process) => {
        const db = database.connect(process);
        await db.query(`insert into inbox(event_id, handler) values ('a', 'test')`);
        const rolledBack = db.tx(async (tx) => {
          await tx.query(insert, [sagaUid]);
          throw new Error('no');
        });
        await rolledBack.catch(() => undefined);
        await db.tx(async (tx) => {
          await tx.query(insert, [sagaUid]);
          await tx.query(move, [sagaUid, 'executed']);
        });
        await db.query(move, [sagaUid, 'compensated']);
      },
    });
    sim.after(3_600_000, () => host.start());
    await sim.runUntil(3_601_000);
    const [row] = await engine.rows<InboxTableRow>('inbox');
    const sinceHour = (row?.processed_at.getTime() ?? 0) - simulationEpochMillis - 3_600_000;
    expect(sinceHour).toBeGreaterThanOrEqual(0);
    expect(sinceHour).toBeLessThan(1_000);
    const history = await engine.history<SagaFenceRow>('saga_fence', ({ saga_uid, step }) => saga_uid + step);
    expect(history.map(({ before, after }) => [before?.state, after.state])).toEqual([
      [undefined, 'executed'],
      ['executed', 'compensated'],
    ]);
    expect(history.every(({ atMillis }) => atMillis > simulationEpochMillis + 3_600_000)).toBe(true);
    await engine.close();
  });

  it('rolls back what is open when the run is over, and begins the next one empty', async () => {
    const sim = new Sim({ seed: 1 });
    const engine = await SqlEngine.open({ sim, migrations: inventoryMigrations });
    const catalogue = [{ sku: 'A', quantity: 1 }];
    const runIn = async (sim: Sim, then: (db: Db) => Promise<void>) => {
      const database = new SimDatabase(sim, 'inventory', engine);
      const program = async (process: SimProcess) => {
        await seedStock(database.connect(process), catalogue);
        await then(database.connect(process));
      };
      new Host({ sim, name: 'inventory-1', role: 'inventory', program }).start();
      await sim.runUntil(1_000);
    };
    await runIn(sim, (db) =>
      db.tx(async (tx) => {
        await restock(tx, 'A', 5);
        await new Promise(() => undefined);
      }),
    );
    await expect(engine.rows('stock')).rejects.toThrow('a transaction is open');
    await engine.stop();
    expect(await engine.rows('stock')).toMatchObject([{ sku: 'A', available: 1 }]);
    const next = new Sim({ seed: 2 });
    await engine.restart(next);
    expect(await engine.rows('movements')).toEqual([]);
    await runIn(next, async () => undefined);
    expect(await engine.rows('movements')).toMatchObject([{ id: 1, kind: 'initial', sku: 'A' }]);
    await engine.close();
  });
});
