import { z } from 'zod';

/** The business content of an order. Money is integer minor units (cents) and an ISO 4217 code. */

/** Bounds, in one place: the CRD, the HTTP API and the messages all use them. */
export const orderLimits = {
  itemsMax: 50,
  quantityMax: 1_000,
  /** Stripe refuses amounts of more than eight digits (Stripe docs, "Minimum and maximum charge amounts"). */
  amountCentsMax: 99_999_999,
} as const;

export const orderIdPattern = '^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$';
const skuPattern = '^[A-Za-z0-9][A-Za-z0-9._-]*$';

export const skuSchema = z.string().min(1).max(64).regex(new RegExp(skuPattern));
export const currencySchema = z
  .string()
  .length(3)
  .regex(/^[A-Z]{3}$/);

export const itemSchema = z.object({
  sku: skuSchema,
  quantity: z.int().min(1).max(orderLimits.quantityMax),
  unitPriceCents: z.int().min(1).max(orderLimits.amountCentsMax),
});

export const contactSchema = z.object({
  email: z
    .string()
    .min(3)
    .max(254)
    .regex(/^[^@\s]+@[^@\s]+$/)
    .optional(),
  phone: z
    .string()
    .min(5)
    .max(20)
    .regex(/^\+?[0-9 ]+$/)
    .optional(),
});

export const orderSchema = z.object({
  /** The business key: one saga per order id, for ever. A DNS label, because the OrderSaga is named from it. */
  id: z.string().min(1).max(63).regex(new RegExp(orderIdPattern)),
  customerId: z
    .string()
    .min(1)
    .max(64)
    .regex(/^[A-Za-z0-9][A-Za-z0-9._@-]*$/),
  currency: currencySchema,
  items: z.array(itemSchema).min(1).max(orderLimits.itemsMax),
  paymentMethod: z
    .string()
    .min(1)
    .max(64)
    .regex(/^[A-Za-z0-9_]+$/),
  contact: contactSchema.optional(),
  /** Set by the intake: the eventId of the `order.created` that this saga answers. */
  sourceEventId: z
    .string()
    .min(1)
    .max(64)
    .regex(/^[A-Za-z0-9-]+$/)
    .optional(),
});

export type Item = z.infer<typeof itemSchema>;
export type Contact = z.infer<typeof contactSchema>;
export type Order = z.infer<typeof orderSchema>;

/** Sum of quantity x unit price, in cents. */
export function orderTotalCents(order: Pick<Order, 'items'>): number {
  return order.items.reduce((sum, item) => sum + item.quantity * item.unitPriceCents, 0);
}
