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

/*
 * Descriptions are read by people in three places: `kubectl explain`, the published schemas, and the answer to a value that does not
 * fit ("must be <description>"). So they are noun phrases. Patterns stay within what JavaScript and RE2 (the API server) read alike:
 * no \s, no \d, no look-around.
 */

export const skuSchema = z
  .string()
  .min(1)
  .max(64)
  .regex(new RegExp(skuPattern))
  .describe('a stock keeping unit: letters, digits, dots, dashes and underscores, such as KEYBOARD');
export const currencySchema = z
  .string()
  .length(3)
  .regex(/^[A-Z]{3}$/)
  .describe('an ISO 4217 currency code: three capital letters, such as EUR');

export const itemSchema = z.object({
  sku: skuSchema,
  quantity: z.int().min(1).max(orderLimits.quantityMax).describe('how many pieces'),
  unitPriceCents: z
    .int()
    .min(1)
    .max(orderLimits.amountCentsMax)
    .describe('price of one piece in minor units of the currency (cents), never a fraction'),
});

export const contactSchema = z.object({
  email: z
    .string()
    .min(3)
    .max(254)
    .regex(/^[!-?A-~]+@[!-?A-~]+$/)
    .describe('an e-mail address such as ada@example.org')
    .optional(),
  phone: z
    .string()
    .min(5)
    .max(20)
    .regex(/^\+?[0-9 ]+$/)
    .describe('a telephone number: digits and spaces, with a leading + for the country')
    .optional(),
});

export const orderSchema = z.object({
  /** The business key: one saga per order id, for ever. A DNS label, because the OrderSaga is named from it. */
  id: z
    .string()
    .min(1)
    .max(63)
    .regex(new RegExp(orderIdPattern))
    .describe(
      'a business key, used once for ever: lower-case letters, digits and dashes, such as order-1001',
    ),
  customerId: z
    .string()
    .min(1)
    .max(64)
    .regex(/^[A-Za-z0-9][A-Za-z0-9._@-]*$/)
    .describe('a customer id: letters, digits and . _ @ -'),
  currency: currencySchema,
  items: z
    .array(itemSchema)
    .min(1)
    .max(orderLimits.itemsMax)
    .describe('what is ordered, with the agreed prices'),
  paymentMethod: z
    .string()
    .min(1)
    .max(64)
    .regex(/^[A-Za-z0-9_]+$/)
    .describe(
      'a means of payment as the provider names it, such as pm_card_visa: letters, digits and underscores, never a card number',
    ),
  contact: contactSchema.describe('where the customer is told; kept out of every log').optional(),
  /** Set by the intake: the eventId of the `order.created` that this saga answers. */
  sourceEventId: z
    .string()
    .min(1)
    .max(64)
    .regex(/^[A-Za-z0-9-]+$/)
    .describe(
      'an event id of letters, digits and dashes: the event that this order came from, set by the intake',
    )
    .optional(),
});

export type Item = z.infer<typeof itemSchema>;
export type Contact = z.infer<typeof contactSchema>;
export type Order = z.infer<typeof orderSchema>;

/** Sum of quantity x unit price, in cents. */
export function orderTotalCents(order: Pick<Order, 'items'>): number {
  return order.items.reduce((sum, item) => sum + item.quantity * item.unitPriceCents, 0);
}
