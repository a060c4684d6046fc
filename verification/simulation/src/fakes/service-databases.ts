import { simulationEpochMillis, type Sim } from '../kernel/sim.ts';
import { MemoryEngine } from './database-memory.ts';
import { ordersTable, priceListTable } from './tables/order-tables.ts';
import { paymentTables } from './tables/payment-tables.ts';
import { stockTables } from './tables/stock-tables.ts';
import type { Storage } from './tables/statement.ts';

/** The services' databases in memory. Their clocks are right. */

const wallMillisOf = (sim: Sim) => () => simulationEpochMillis + sim.nowMillis;

function orderTables(storage: Storage) {
  const [orders, prices] = [ordersTable(storage), priceListTable(storage)];
  return {
    orders: orders.rows,
    orderHistory: orders.history,
    prices: prices.rows,
    statements: [...orders.statements, ...prices.statements],
  };
}

export const orderEngine = (sim: Sim) =>
  new MemoryEngine({ wallMillis: wallMillisOf(sim), own: orderTables });
export type OrderEngine = ReturnType<typeof orderEngine>;

export const inventoryEngine = (sim: Sim) =>
  new MemoryEngine({ wallMillis: wallMillisOf(sim), own: stockTables });
export type InventoryEngine = ReturnType<typeof inventoryEngine>;

export const paymentEngine = (sim: Sim) =>
  new MemoryEngine({ wallMillis: wallMillisOf(sim), own: paymentTables });

/** Only what the kit needs. */
export const bareEngine = (sim: Sim) =>
  new MemoryEngine({ wallMillis: wallMillisOf(sim), own: () => ({ statements: [] }) });
