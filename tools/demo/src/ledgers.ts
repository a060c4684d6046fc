import type { MoneyFacts } from '@sagamesh/invariants/money-conservation';
import type { StockFact } from '@sagamesh/invariants/stock-conservation';
import { readLedger } from '@sagamesh/payment-provider/ledger-read-out';
import type { System } from '@sagamesh/sandbox/system/system';
import { z } from 'zod';

/** Reads the facts that the conservation checks judge: from the ledgers of the services and of the provider, over HTTP. */

const stockPageSchema = z.object({
  items: z.array(
    z.object({
      sku: z.string(),
      initial: z.int(),
      restocked: z.int(),
      available: z.int(),
      reserved: z.int(),
      sold: z.int(),
    }),
  ),
  nextAfter: z.string().nullable(),
});

const orderPageSchema = z.object({
  orders: z.array(z.object({ id: z.string(), state: z.string(), totalCents: z.int(), currency: z.string() })),
  nextBefore: z.int().nullable(),
});

export async function readStock(system: System): Promise<StockFact[]> {
  const facts: StockFact[] = [];
  for (let after = ''; ;) {
    const query = after ? `&after=${encodeURIComponent(after)}` : '';
    const page = stockPageSchema.parse(
      await getJson(system, `${system.url('inventory')}/api/v1/inventory-ledger?limit=200${query}`),
    );
    facts.push(...page.items);
    if (page.nextAfter === null) return facts;
    after = page.nextAfter;
  }
}

export async function readMoney(system: System): Promise<MoneyFacts> {
  const { captures, refunds } = await readLedger(system.url('payment-provider'));
  const orders: MoneyFacts['orders'][number][] = [];
  for (let before: number | null = null; ;) {
    const query: string = before === null ? '' : `&before=${before}`;
    const page = orderPageSchema.parse(
      await getJson(system, `${system.url('order')}/api/v1/orders?limit=100${query}`),
    );
    orders.push(...page.orders);
    if (page.nextBefore === null) return { captures, refunds, orders };
    before = page.nextBefore;
  }
}

async function getJson(system: System, url: string): Promise<unknown> {
  const token = await system.tokens.token({ customerId: 'auditor', roles: ['admin'] });
  const response = await fetch(url, { headers: { authorization: `Bearer ${token}` } });
  if (!response.ok) throw new Error(`GET ${url} answered ${response.status}: ${await response.text()}`);
  return response.json();
}
