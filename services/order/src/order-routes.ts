import { orderSchema } from '@sagamesh/contracts/order';
import { type Caller, callerOf } from '@sagamesh/kit/auth';
import type { Db } from '@sagamesh/kit/db';
import { idempotent } from '@sagamesh/kit/idempotency-key';
import { HttpProblem, parseBody, parseQuery } from '@sagamesh/runtime/problem';
import type { IRouter, Request, RequestHandler, Response } from 'express';
import type { OrderRecord } from './order-record.ts';
import { listQuerySchema, orderRequestSchema } from './order-requests.ts';
import { findOrder, listOrders } from './order-store.ts';
import { placeOrder, type PlaceOrderOptions } from './place-order.ts';

/** HTTP of the order service. Every route needs a token; a customer sees only the own orders, the role `admin` all. */

export interface OrderRoutesOptions extends PlaceOrderOptions {
  readonly db: Db;
  /** From the kit: refuses with 401, else makes `callerOf` answer. */
  readonly authenticate: RequestHandler;
}

export function addOrderRoutes(router: IRouter, options: OrderRoutesOptions): void {
  const { db, authenticate } = options;
  router.post('/api/v1/orders', authenticate, async (request: Request, response) => {
    const customerId = customerOf(response);
    const wanted = parseBody(orderRequestSchema, request.body);
    const answer = await idempotent(db, request, customerId, async (tx) => {
      const placement = await placeOrder(tx, customerId, wanted, options);
      if (placement.kind === 'invalid') {
        throw new HttpProblem({
          status: 422,
          title: 'The order cannot be priced',
          detail: 'See `errors`: each entry points to a field and says what is wrong with it.',
          errors: placement.problems,
        });
      }
      const { record } = placement;
      return {
        status: 201,
        body: orderView(record),
        headers: { location: `/api/v1/orders/${record.order.id}` },
      };
    });
    response.status(answer.status).set(answer.headers).json(answer.body);
  });
  router.get('/api/v1/orders', authenticate, async (request: Request, response) => {
    const { limit, before } = parseQuery(listQuerySchema, request.query);
    const caller = callerOf(response);
    // One more than asked for tells whether there is a next page.
    const found = await listOrders(db, {
      customerId: isAdmin(caller) ? null : caller.customerId,
      before: before ?? null,
      limit: limit + 1,
    });
    const page = found.slice(0, limit);
    response.json({
      orders: page.map(orderView),
      nextBefore: found.length > limit ? (page.at(-1)?.number ?? null) : null,
    });
  });
  router.get('/api/v1/orders/:id', authenticate, async (request: Request<{ id: string }>, response) => {
    const caller = callerOf(response);
    const record = await findOrder(db, request.params.id);
    // A stranger's order and no order look alike: ids tell nothing.
    if (record === undefined || !(isAdmin(caller) || record.order.customerId === caller.customerId)) {
      throw new HttpProblem({ status: 404, detail: 'There is no order of yours with this id.' });
    }
    response.json(orderView(record));
  });
}

const isAdmin = (caller: Caller): boolean => caller.roles.includes('admin');

/** The token's subject becomes part of OrderSaga and events, so it has to fit there. */
function customerOf(response: Response): string {
  const parsed = orderSchema.shape.customerId.safeParse(callerOf(response).customerId);
  if (parsed.success) return parsed.data;
  throw new HttpProblem({
    status: 403,
    detail: 'The subject of this token is not a customer id that orders can carry.',
  });
}

/** What a customer reads of an order: everything but the means of payment and the operator's bookkeeping. */
function orderView({ order, totalCents, state, cancelReason, createdAt, updatedAt }: OrderRecord) {
  const { id, customerId, currency, items, contact } = order;
  return {
    id,
    state,
    customerId,
    currency,
    items,
    totalCents,
    ...(contact === undefined ? {} : { contact }),
    ...(cancelReason === null ? {} : { cancelReason }),
    createdAt: createdAt.toISOString(),
    updatedAt: updatedAt.toISOString(),
  };
}
