import {
  contactSchema,
  currencySchema,
  itemSchema,
  orderLimits,
  orderSchema,
} from '@sagamesh/contracts/order';
import { z } from 'zod';

/** What comes in over HTTP. Bodies are strict: a misspelt field is an error, not a surprise. */

export const orderRequestSchema = z.strictObject({
  items: z
    .array(z.strictObject({ sku: itemSchema.shape.sku, quantity: itemSchema.shape.quantity }))
    .min(1)
    .max(orderLimits.itemsMax),
  currency: currencySchema.optional(),
  paymentMethod: orderSchema.shape.paymentMethod,
  contact: z.strictObject(contactSchema.shape).optional(),
});
export type OrderRequest = z.infer<typeof orderRequestSchema>;

/** `before`: the `nextBefore` of the page before this one. */
export const listQuerySchema = z.strictObject({
  limit: z.coerce.number().int().min(1).max(100).default(20),
  before: z.coerce.number().int().min(1).optional(),
});
