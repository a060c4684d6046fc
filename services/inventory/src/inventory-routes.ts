import { skuSchema } from '@sagamesh/contracts/order';
import { callerOf, requireRole } from '@sagamesh/kit/auth';
import type { Db } from '@sagamesh/kit/db';
import { idempotent } from '@sagamesh/kit/idempotency-key';
import { parseBody, Problem } from '@sagamesh/kit/problem';
import type { IRouter, Request, RequestHandler } from 'express';
import { z } from 'zod';
import type { StockCache } from './stock-cache.ts';
import { findStock, listStock, restock } from './stock-store.ts';

/** HTTP of the inventory service: anybody reads; restocking is for the role `admin` when tokens are configured. */

const path = '/api/v1/inventory';

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
  /** From the kit; undefined: no tokens are configured, and the network decides who may restock. */
  readonly authenticate: RequestHandler | undefined;
}

export function addInventoryRoutes(app: IRouter, options: InventoryRoutesOptions): void {
  const { db, cache, authenticate } = options;
  const admin = authenticate === undefined ? [] : [authenticate, requireRole('admin')];

  app.get(path, async (request, response) => {
    const { limit, after } = parseQuery(request);
    // One more than asked for tells whether there is a next page.
    const found = await listStock(db, after ?? null, limit + 1);
    const items = found.slice(0, limit);
    response.json({ items, nextAfter: found.length > limit ? (items.at(-1)?.sku ?? null) : null });
  });

  app.get(`${path}/:sku`, async (request: Request<{ sku: string }>, response) => {
    const { sku } = request.params;
    const view = await cache.get(sku, () => findStock(db, sku));
    if (view === undefined) throw unknownSku(sku);
    response.json(view);
  });

  app.post(`${path}/:sku/restock`, ...admin, async (request: Request<{ sku: string }>, response) => {
    const { sku } = request.params;
    const { quantity } = parseBody(restockSchema, request);
    const caller = authenticate === undefined ? 'anonymous' : callerOf(response).customerId;
    const answer = await idempotent(db, request, caller, async (tx) => {
      const level = await restock(tx, sku, quantity);
      if (level === undefined) throw unknownSku(sku);
      cache.forgetAfterCommit(tx, [{ sku }]);
      return { status: 200, body: level };
    });
    response.status(answer.status).set(answer.headers).json(answer.body);
  });
}

function unknownSku(sku: string): Problem {
  return new Problem(404, 'Unknown SKU', {
    detail: `SKU ${sku.slice(0, 64)} is not in the catalogue.`,
  });
}

function parseQuery(request: Request): z.infer<typeof listQuerySchema> {
  const parsed = listQuerySchema.safeParse(request.query);
  if (parsed.success) return parsed.data;
  throw new Problem(400, 'Bad query', {
    errors: parsed.error.issues.map((issue) => ({
      pointer: `/${issue.path.join('/')}`,
      detail: issue.message,
    })),
  });
}
