/** What the provider knows: intents, captures, refunds, stored answers. Rebuilt from the journal's entries alone, in their order. */

export type IntentStatus = 'requires_payment_method' | 'requires_confirmation' | 'succeeded' | 'canceled';

export interface Intent {
  readonly id: string;
  readonly amountCents: number;
  /** Lower case, as Stripe writes it. */
  readonly currency: string;
  readonly status: IntentStatus;
  readonly paymentMethod: string | null;
  readonly metadata: Readonly<Record<string, string>>;
  readonly createdAtMillis: number;
  readonly canceledAtMillis: number | null;
  readonly cancellationReason: string | null;
  readonly declineCode: string | null;
  readonly chargeId: string | null;
  /** Until then every connection about this intent stays without an answer (`pm_card_taken_silent`). */
  readonly silentUntilMillis: number;
}

/** Money taken. One per intent: the read-out counts these entries, not the intents' status, so a double capture would show. */
export interface Capture {
  readonly id: string;
  readonly intentId: string;
  readonly amountCents: number;
  readonly currency: string;
  readonly atMillis: number;
}

export interface Refund {
  readonly id: string;
  readonly intentId: string;
  readonly chargeId: string;
  readonly amountCents: number;
  readonly currency: string;
  readonly metadata: Readonly<Record<string, string>>;
  readonly atMillis: number;
}

/** Stripe keeps the first result of an idempotency key, whatever it was, 500s included. */
export interface StoredAnswer {
  readonly key: string;
  /** SHA-256 of method, path and parameters. */
  readonly fingerprint: string;
  readonly status: number;
  readonly body: string;
  readonly intentId: string | null;
}

/** One line of the journal. All parts of one request are one line, so a crash keeps all of them or none. */
export interface LedgerEntry {
  readonly intent?: Intent;
  readonly capture?: Capture;
  readonly refund?: Refund;
  /** A flaky test method answered 500 once more for this object. */
  readonly flaked?: string;
  readonly answer?: StoredAnswer;
}

export interface LedgerState {
  readonly intents: Map<string, Intent>;
  readonly captures: Capture[];
  readonly refunds: Map<string, Refund>;
  readonly refundsByIntent: Map<string, Refund[]>;
  readonly flakes: Map<string, number>;
  readonly answers: Map<string, StoredAnswer>;
}

export function emptyLedger(): LedgerState {
  return {
    intents: new Map(),
    captures: [],
    refunds: new Map(),
    refundsByIntent: new Map(),
    flakes: new Map(),
    answers: new Map(),
  };
}

export function applyEntry(state: LedgerState, entry: LedgerEntry): void {
  if (entry.intent) state.intents.set(entry.intent.id, entry.intent);
  if (entry.capture) state.captures.push(entry.capture);
  if (entry.refund) {
    state.refunds.set(entry.refund.id, entry.refund);
    const earlier = state.refundsByIntent.get(entry.refund.intentId) ?? [];
    state.refundsByIntent.set(entry.refund.intentId, [...earlier, entry.refund]);
  }
  if (entry.flaked !== undefined) state.flakes.set(entry.flaked, flakeCount(state, entry.flaked) + 1);
  if (entry.answer) state.answers.set(entry.answer.key, entry.answer);
}

export function flakeCount(state: LedgerState, object: string): number {
  return state.flakes.get(object) ?? 0;
}

export function refundsOf(state: LedgerState, intentId: string): readonly Refund[] {
  return state.refundsByIntent.get(intentId) ?? [];
}

export function refundedCents(state: LedgerState, intentId: string): number {
  return refundsOf(state, intentId).reduce((sum, refund) => sum + refund.amountCents, 0);
}
