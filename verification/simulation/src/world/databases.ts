import { SimDatabase } from '../fakes/database.ts';
import type { MemoryEngine } from '../fakes/database-memory.ts';
import { inventoryEngine, orderEngine, paymentEngine } from '../fakes/service-databases.ts';
import type { Statement } from '../fakes/tables/statement.ts';
import type { Sim } from '../kernel/sim.ts';
import { toFacts } from './table-facts.ts';
import type { KitRows, LedgerFacts } from './table-facts.ts';

/** The databases of the three services that have one, in memory, and how the checkers read them. */

export interface Databases {
  readonly order: SimDatabase;
  readonly inventory: SimDatabase;
  readonly payment: SimDatabase;
  /** As committed. */
  read(): Promise<LedgerFacts>;
  /** For looks while things happen; empty where a look would take real time. */
  ordersNow(): readonly { readonly id: string; readonly state: string }[];
  stockNow(): readonly { readonly sku: string; readonly available: number }[];
  close(): Promise<void>;
}

export function memoryDatabases(sim: Sim): Databases {
  const [order, inventory, payment] = [orderEngine(sim), inventoryEngine(sim), paymentEngine(sim)];
  return {
    order: new SimDatabase(sim, 'order', order),
    inventory: new SimDatabase(sim, 'inventory', inventory),
    payment: new SimDatabase(sim, 'payment', payment),
    async read() {
      for (const engine of [order, inventory, payment]) refuseUnknown(engine.unknownStatements);
      return toFacts({
        kits: [kitRows('order', order), kitRows('inventory', inventory), kitRows('payment', payment)],
        orders: order.own.orders.committedRows(),
        orderHistory: order.own.orderHistory,
        stock: inventory.own.stock.committedRows(),
        movements: inventory.own.movements.committedRows(),
        reservations: inventory.own.reservations.committedRows(),
        payments: payment.own.payments.committedRows(),
        ledger: payment.own.ledger.committedRows(),
      });
    },
    ordersNow: () => order.own.orders.committedRows(),
    stockNow: () => inventory.own.stock.committedRows(),
    close: () => Promise.resolve(),
  };
}

function kitRows(
  service: string,
  engine: MemoryEngine<{ readonly statements: readonly Statement[] }>,
): KitRows {
  return {
    service,
    fence: engine.fence.committedRows(),
    fenceHistory: engine.fenceHistory,
    outbox: engine.outbox.committedRows(),
    inbox: engine.inbox.committedRows(),
  };
}

/** A statement that was refused for want of a fake would look like trouble of the product, and prove nothing. */
function refuseUnknown(texts: ReadonlySet<string>): void {
  const [text] = texts;
  if (text !== undefined) throw new Error(`the in-memory engine does not know this statement: ${text}`);
}
