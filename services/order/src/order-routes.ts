import { orderSchema } from '@sagamesh/contracts/order';
import { type Caller, callerOf } from '@sagamesh/kit/auth';
import { HttpProblem, parseQuery } from '@sagamesh/runtime/problem';
import type { IRouter, Request, RequestHandler, Response } from 'express';
import { listQuerySchema } from './order-requests.ts';
import { findOrder, listOrders } from './order-store.ts';
import { orderView } from './order-view.ts';
import { takeOrder, type TakeOrderOptions } from './take-order.ts';

/** HTTP of the order service. Every route needs a token; a customer sees only the own orders, the role `admin` all. */

export interface OrderRoutesOptions extends TakeOrderOptions {
  /** From the kit: refuses with 401, else makes `callerOf` answer. */
  readonly authenticate: RequestHandler;
}

export function addOrderRoutes(router: IRouter, options: OrderRoutesOptions): void {
  const { db, authenticate } = options;
  router.post('/api/v1/orders', authenticate, async (request: Request, response) => {
    const customerId = customerOf(response);
    const answer = await takeOrder(request, customerId, options);
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
