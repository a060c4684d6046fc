import { skuSchema } from '@sagamesh/contracts/order';
import { callerOf, requireRole } from '@sagamesh/kit/auth';
import type { Db } from '@sagamesh/kit/db';
import { idempotent } from '@sagamesh/kit/idempotency-key';
import { HttpProblem, parseBody, parseQuery } from '@sagamesh/runtime/problem';
import type { IRouter, Request, RequestHandler } from 'express';
import { z } from 'zod';
import type { StockCache } from './stock-cache.ts';
import { readStockLedger } from './stock-ledger.ts';
import { findStock, listStock, restock } from './stock-store.ts';

/** HTTP of the inventory service: anybody reads the stock (the mesh decides who that is); ledger and restocking are for the role `admin`. */

/** Far below 2^53 even after a million restocks, so sums stay exact. */
const restockMax = 1_000_000;

const restockSchema = z.strictObject({ quantity: z.int().min(1).max(restockMax) });

const listQuerySchema = z.strictObject({
  limit: z.coerce.number().int().min(1).max(200).default(50),
  /** The `nextAfter` of the page before. */
  after: skuSchema.optional(),
});

export interface InventoryRoutesOptions {
  readonly db: Db;
  readonly cache: StockCache;
  /** From the kit: refuses with 401, else makes `callerOf` answer. */
  readonly authenticate: RequestHandler;
}

export function addInventoryRoutes(router: IRouter, options: InventoryRoutesOptions): void {
  const { db, cache, authenticate } = options;
  const admin = [authenticate, requireRole('admin')];

  router.get('/api/v1/inventory', async (request: Request, response) => {
    const { limit, after } = parseQuery(listQuerySchema, request.query);
    response.json(pageOf(await listStock(db, after ?? null, limit + 1), limit));
  });

  router.get('/api/v1/inventory-ledger', ...admin, async (request: Request, response) => {
    const { limit, after } = parseQuery(listQuerySchema, request.query);
    response.json(pageOf(await readStockLedger(db, after ?? null, limit + 1), limit));
  });

  router.get('/api/v1/inventory/:sku', async (request: Request<{ sku: string }>, response) => {
    const { sku } = request.params;
    const view = await cache.get(sku, () => findStock(db, sku));
    if (view === undefined) throw unknownSku(sku);
    response.json(view);
  });

  router.post(
    '/api/v1/inventory/:sku/restock',
    ...admin,
    async (request: Request<{ sku: string }>, response) => {
      const { sku } = request.params;
      const { quantity } = parseBody(restockSchema, request.body);
      const answer = await idempotent(db, request, callerOf(response).customerId, async (tx) => {
        const level = await restock(tx, sku, quantity);
        if (level === undefined) throw unknownSku(sku);
        cache.forgetAfterCommit(tx, [{ sku }]);
        return { status: 200, body: level };
      });
      response.status(answer.status).set(answer.headers).json(answer.body);
    },
  );
}

/** One more than asked for was looked up: that tells whether there is a next page. */
function pageOf<T extends { readonly sku: string }>(found: readonly T[], limit: number) {
  const items = found.slice(0, limit);
  return { items, nextAfter: found.length > limit ? (items.at(-1)?.sku ?? null) : null };
}

function unknownSku(sku: string): HttpProblem {
  return new HttpProblem({
    status: 404,
    title: 'Unknown SKU',
    detail: `SKU ${sku.slice(0, 64)} is not in the catalogue.`,
  });
}
