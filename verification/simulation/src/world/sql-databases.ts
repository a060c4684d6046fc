import { inventoryMigrations } from '@sagamesh/service-inventory/inventory-migrations';
import { orderMigrations } from '@sagamesh/service-order/order-migrations';
import { paymentMigrations } from '@sagamesh/service-payment/payment-migrations';
import { SqlEngine } from '../fakes/database-sql.ts';
import { SimDatabase } from '../fakes/database.ts';
import type { SagaFenceRow } from '../fakes/tables/fence-table.ts';
import type { OrderTableRow } from '../fakes/tables/order-tables.ts';
import type { Sim } from '../kernel/sim.ts';
import type { Databases } from './databases.ts';
import { toFacts } from './table-facts.ts';
import type { KitRows } from './table-facts.ts';

/** The databases of the three services on real SQL (PGlite), for a share of the runs. Opened once per process, emptied between runs. */

interface Engines {
  readonly order: SqlEngine;
  readonly inventory: SqlEngine;
  readonly payment: SqlEngine;
}

let opened: Promise<Engines> | undefined;

async function open(sim: Sim): Promise<Engines> {
  const [order, inventory, payment] = await Promise.all([
    SqlEngine.open({ sim, migrations: orderMigrations, remember: ['orders'] }),
    SqlEngine.open({ sim, migrations: inventoryMigrations }),
    SqlEngine.open({ sim, migrations: paymentMigrations }),
  ]);
  return { order, inventory, payment };
}

export async function sqlDatabases(sim: Sim): Promise<Databases> {
  opened ??= open(sim);
  const { order, inventory, payment } = await opened;
  for (const engine of [order, inventory, payment]) await engine.restart(sim);
  return {
    order: new SimDatabase(sim, 'order', order),
    inventory: new SimDatabase(sim, 'inventory', inventory),
    payment: new SimDatabase(sim, 'payment', payment),
    async read() {
      for (const engine of [order, inventory, payment]) await engine.stop();
      return toFacts({
        kits: [
          await kitRows('order', order),
          await kitRows('inventory', inventory),
          await kitRows('payment', payment),
        ],
        orders: await order.rows('orders'),
        orderHistory: await order.history<OrderTableRow>('orders', ({ id }) => id),
        stock: await inventory.rows('stock'),
        movements: await inventory.rows('movements'),
        reservations: await inventory.rows('reservations'),
        payments: await payment.rows('payments'),
        ledger: await payment.rows('payment_ledger'),
      });
    },
    ordersNow: () => [],
    stockNow: () => [],
    close: () => Promise.resolve(),
  };
}

async function kitRows(service: string, engine: SqlEngine): Promise<KitRows> {
  return {
    service,
    fence: await engine.rows('saga_fence'),
    fenceHistory: await engine.history<SagaFenceRow>('saga_fence', (row) => `${row.saga_uid}/${row.step}`),
    outbox: await engine.rows('outbox'),
    inbox: await engine.rows('inbox'),
  };
}
