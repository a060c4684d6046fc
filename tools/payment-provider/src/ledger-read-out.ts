import { z } from 'zod';
import type { LedgerState } from './ledger-state.ts';

/** `GET /ledger`: everything that checkers need to judge the money, in plain facts. Not a part of Stripe's API. */

const about = {
  paymentIntent: z.string(),
  /** From the intent's metadata `saga_uid` and `order_id`. */
  sagaUid: z.string().nullable(),
  orderId: z.string().nullable(),
};
const money = { amountCents: z.int(), currency: z.string() };
const movementSchema = z.object({ id: z.string(), ...about, ...money, atMillis: z.int() });

export const ledgerSchema = z.object({
  intents: z.array(
    z.object({
      ...about,
      ...money,
      status: z.string(),
      paymentMethod: z.string().nullable(),
      /** How often money was taken for this intent; more than 1 would be a defect. */
      captures: z.int(),
      metadata: z.record(z.string(), z.string()),
    }),
  ),
  captures: z.array(movementSchema),
  refunds: z.array(movementSchema),
  /** By currency, lower case. */
  totals: z.record(
    z.string(),
    z.object({ capturedCents: z.int(), refundedCents: z.int(), keptCents: z.int() }),
  ),
});
export type Ledger = z.infer<typeof ledgerSchema>;

/** Reads a running provider's ledger. */
export async function readLedger(providerUrl: string): Promise<Ledger> {
  const response = await fetch(`${providerUrl}/ledger`);
  return ledgerSchema.parse(await response.json());
}

export function readOut(state: LedgerState): Ledger {
  const about = (intentId: string) => ({
    paymentIntent: intentId,
    sagaUid: state.intents.get(intentId)?.metadata['saga_uid'] ?? null,
    orderId: state.intents.get(intentId)?.metadata['order_id'] ?? null,
  });
  const movement = ({ id, intentId, amountCents, currency, atMillis }: Movement) => ({
    id,
    ...about(intentId),
    amountCents,
    currency,
    atMillis,
  });
  const captures = state.captures.map(movement);
  const refunds = [...state.refunds.values()].map(movement);
  const capturesByIntent = new Map<string, number>();
  for (const { paymentIntent } of captures) {
    capturesByIntent.set(paymentIntent, (capturesByIntent.get(paymentIntent) ?? 0) + 1);
  }
  const intents = [...state.intents.values()].map((intent) => ({
    ...about(intent.id),
    status: intent.status,
    amountCents: intent.amountCents,
    currency: intent.currency,
    paymentMethod: intent.paymentMethod,
    captures: capturesByIntent.get(intent.id) ?? 0,
    metadata: intent.metadata,
  }));
  return { intents, captures, refunds, totals: totals(captures, refunds) };
}

interface Movement extends Money {
  readonly id: string;
  readonly intentId: string;
  readonly atMillis: number;
}

interface Money {
  readonly currency: string;
  readonly amountCents: number;
}

function totals(captures: readonly Money[], refunds: readonly Money[]): Ledger['totals'] {
  const currencies = new Set(captures.map((capture) => capture.currency));
  const sum = (entries: readonly Money[], currency: string) =>
    entries.reduce((cents, entry) => cents + (entry.currency === currency ? entry.amountCents : 0), 0);
  return Object.fromEntries(
    [...currencies].map((currency) => {
      const capturedCents = sum(captures, currency);
      const refundedCents = sum(refunds, currency);
      return [currency, { capturedCents, refundedCents, keptCents: capturedCents - refundedCents }];
    }),
  );
}
