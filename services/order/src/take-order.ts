import type { Db } from '@sagamesh/kit/db';
import { idempotent, type IdempotentAnswer, type IdempotentRequest } from '@sagamesh/kit/idempotency-key';
import { HttpProblem, parseBody } from '@sagamesh/runtime/problem';
import { orderRequestSchema } from './order-requests.ts';
import { orderView } from './order-view.ts';
import { placeOrder, type PlaceOrderOptions } from './place-order.ts';

export interface TakeOrderOptions extends PlaceOrderOptions {
  readonly db: Db;
}

/**
 * `POST /api/v1/orders` without the server around it: at most one order per customer and Idempotency-Key. Throws HttpProblem, and
 * RetryableError when nobody knows whether the order was taken; the same key again finds out.
 */
export async function takeOrder(
  request: IdempotentRequest,
  customerId: string,
  options: TakeOrderOptions,
): Promise<IdempotentAnswer> {
  const wanted = parseBody(orderRequestSchema, request.body);
  return idempotent(options.db, request, customerId, async (tx) => {
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
}
