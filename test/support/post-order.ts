import type { System } from '@sagamesh/sandbox/system/system';
import { z } from 'zod';

const postedSchema = z.object({ id: z.string() });
let posted = 0;

/** An order as a customer places it, by POST; answers its id, which is also the name of its OrderSaga. */
export async function postOrder(
  system: Pick<System, 'url' | 'tokens'>,
  change: { readonly paymentMethod?: string } = {},
): Promise<string> {
  posted += 1;
  const response = await fetch(`${system.url('order')}/api/v1/orders`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${await system.tokens.token({ customerId: 'grace' })}`,
      'content-type': 'application/json',
      'idempotency-key': `"posted-${posted}"`,
    },
    body: JSON.stringify({
      items: [{ sku: 'HEADSET', quantity: 1 }],
      paymentMethod: 'pm_card_visa',
      ...change,
    }),
  });
  const body: unknown = await response.json();
  if (response.status !== 201) throw new Error(`POST answered ${response.status}: ${JSON.stringify(body)}`);
  return postedSchema.parse(body).id;
}
