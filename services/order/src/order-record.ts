import { contactSchema, itemSchema, type Order } from '@sagamesh/contracts/order';
import { z } from 'zod';

/** An order as this service keeps it, and the door through which a database row becomes one. */

export const orderStateSchema = z.enum(['PENDING', 'CONFIRMED', 'CANCELLED']);
export type OrderState = z.infer<typeof orderStateSchema>;

export interface OrderRecord {
  /** Ascending in the order of arrival; the cursor of the list. */
  readonly number: number;
  /** `sourceEventId` is there when the order came in over HTTP: the eventId of its `order.created`. */
  readonly order: Order;
  readonly totalCents: number;
  readonly state: OrderState;
  /** The claim: the one saga that may drive this order; null while none has. */
  readonly sagaUid: string | null;
  readonly cancelReason: string | null;
  readonly createdAt: Date;
  readonly updatedAt: Date;
}

const orderRowSchema = z.object({
  number: z.int(),
  id: z.string(),
  customer_id: z.string(),
  currency: z.string(),
  items: z.array(itemSchema),
  payment_method: z.string(),
  contact: contactSchema.nullable(),
  total_cents: z.int(),
  state: orderStateSchema,
  saga_uid: z.string().nullable(),
  source_event_id: z.string().nullable(),
  cancel_reason: z.string().nullable(),
  created_at: z.date(),
  updated_at: z.date(),
});

/** The columns that `orderFromRow` reads, for every SELECT and RETURNING. */
export const orderColumns =
  'number, id, customer_id, currency, items, payment_method, contact, total_cents, state, saga_uid, source_event_id, cancel_reason, created_at, updated_at';

export function orderFromRow(row: object): OrderRecord {
  const read = orderRowSchema.parse(row);
  return {
    number: read.number,
    order: {
      id: read.id,
      customerId: read.customer_id,
      currency: read.currency,
      items: read.items,
      paymentMethod: read.payment_method,
      ...(read.contact === null ? {} : { contact: read.contact }),
      ...(read.source_event_id === null ? {} : { sourceEventId: read.source_event_id }),
    },
    totalCents: read.total_cents,
    state: read.state,
    sagaUid: read.saga_uid,
    cancelReason: read.cancel_reason,
    createdAt: read.created_at,
    updatedAt: read.updated_at,
  };
}
