import type { Command, Reply } from '@sagamesh/contracts/messages';
import type { OrderSagaSpec, OrderSagaStatus, Outcome } from '@sagamesh/contracts/order-saga';

/**
 * What the checkers look at: plain facts, read from ledgers, provider, resources, mails and message history, never from the code that is
 * judged. Whoever cannot see something leaves the section out; what needs it then evaluates nothing and is Inconclusive.
 *
 * `position`: a number that grows with the order of things: always over commands and replies together (the broker's time in nanoseconds will
 * do), and within each other section. With `oneOrder` it is one counter over everything. Where two positions are equal the order is unknown, and
 * no checker blames anybody for it. Lists are in the order of happening.
 */
export interface Facts {
  /** Nothing is under way any more: what holds only at rest may be judged. False: those clauses are left out. */
  readonly atQuiesce: boolean;
  /** Positions of different sections can be compared (a simulation). Absent: no such clause is judged. */
  readonly oneOrder?: boolean;

  readonly orders?: readonly OrderRow[];
  readonly orderChanges?: readonly OrderChange[];

  readonly stock?: readonly StockRow[];
  readonly stockMovements?: readonly StockMovement[];
  readonly reservations?: readonly ReservationRow[];

  readonly payments?: readonly PaymentRow[];
  readonly paymentLedger?: readonly PaymentEntry[];
  readonly provider?: ProviderFacts;

  /** Effects in services other than order, inventory and payment, from their own ledgers. */
  readonly otherEffects?: readonly OtherEffect[];

  readonly fenceRows?: readonly FenceRow[];
  readonly fenceChanges?: readonly FenceChange[];
  readonly outbox?: readonly OutboxRow[];
  readonly inbox?: readonly InboxRow[];

  readonly sagas?: readonly SagaFact[];

  /** As published: everything that a reader may have got, also what was lost, deleted or restored away later. Deliveries are not repeated. */
  readonly commands?: readonly CommandFact[];
  readonly replies?: readonly ReplyFact[];
  readonly events?: readonly EventFact[];
  readonly consumers?: readonly ConsumerFact[];
  readonly unreadable?: readonly UnreadableFact[];
  /** As published. */
  readonly deadLetters?: readonly DeadLetterFact[];

  readonly notifications?: readonly NotificationFact[];
  /** No event was lost on its way to the notification service, so at rest every mail that is due has gone out. Absent: not judged. */
  readonly mailIsCertain?: boolean;
  readonly clients?: ClientFacts;
  readonly stockProbes?: readonly StockProbe[];
  readonly leftovers?: readonly LeftoverFact[];
  readonly replays?: readonly ReplayFact[];
  readonly healing?: HealingFact;
}

export type OrderState = 'PENDING' | 'CONFIRMED' | 'CANCELLED';

/** A row of `orders`. */
export interface OrderRow {
  readonly id: string;
  /** The claim. */
  readonly sagaUid: string | null;
  readonly state: OrderState;
  readonly totalCents: number;
  readonly currency: string;
  readonly sourceEventId: string | null;
}

/** A committed insert or update of a row of `orders`. */
export interface OrderChange {
  readonly orderId: string;
  readonly sagaUid: string | null;
  readonly state: OrderState;
  readonly position: number;
}

/** A row of `stock`. */
export interface StockRow {
  readonly sku: string;
  readonly available: number;
  readonly reserved: number;
  readonly sold: number;
}

/** A row of `movements`, the append-only ledger. */
export interface StockMovement {
  readonly kind: 'initial' | 'restocked' | 'reserved' | 'released' | 'sold';
  readonly sku: string;
  readonly quantity: number;
  /** Null for initial and restocked. */
  readonly sagaUid: string | null;
  readonly orderId: string | null;
}

/** A row of `reservations`. */
export interface ReservationRow {
  readonly sagaUid: string;
  readonly id: string;
  readonly orderId: string;
  readonly state: 'reserved' | 'released' | 'sold';
}

/** A row of `payments`. */
export interface PaymentRow {
  readonly paymentId: string;
  readonly sagaUid: string;
  readonly step: string;
  readonly orderId: string;
  readonly amountCents: number;
  readonly currency: string;
  readonly status: 'captured' | 'declined' | 'refunded' | 'cancelled';
}

/** A row of `payment_ledger`, append-only. */
export interface PaymentEntry {
  readonly paymentId: string;
  readonly sagaUid: string;
  readonly step: string;
  readonly orderId: string;
  readonly kind: 'captured' | 'refunded';
  readonly amountCents: number;
  readonly currency: string;
}

/** The provider's own books: where the money really is. */
export interface ProviderFacts {
  readonly intents?: readonly ProviderIntent[];
  readonly captures: readonly ProviderMovement[];
  /** Only refunds that stand: one that the bank sent back is left out. */
  readonly refunds: readonly ProviderMovement[];
}

/** `sagaUid`, `step`, `orderId`: the intent's metadata `saga_uid`, `step`, `order_id`. */
export interface ProviderIntent {
  readonly id: string;
  readonly sagaUid: string | null;
  readonly step: string | null;
  readonly orderId: string | null;
  /** As Stripe names it. */
  readonly status: string;
}

export interface ProviderMovement {
  readonly id: string;
  readonly intentId: string;
  readonly sagaUid: string | null;
  readonly step: string | null;
  readonly orderId: string | null;
  readonly amountCents: number;
  /** ISO 4217, lower or upper case. */
  readonly currency: string;
}

export interface OtherEffect {
  readonly service: string;
  readonly sagaUid: string;
  readonly step: string;
  readonly kind: 'executed' | 'compensated';
}

export type FenceState = 'pending' | 'executed' | 'rejected' | 'compensated' | 'tombstone';

/** A row of `saga_fence` as it stands. */
export interface FenceRow {
  readonly service: string;
  readonly sagaUid: string;
  readonly step: string;
  readonly state: FenceState;
}

/** A committed change of a fence row: its state after the COMMIT (one transaction is one change), in order of commit per service. */
export interface FenceChange {
  readonly service: string;
  readonly sagaUid: string;
  readonly step: string;
  readonly state: FenceState | 'deleted';
  readonly position: number;
}

/** A row of `outbox`; `sagaUid` and `orderId` from the event's payload. Purged rows are left out. */
export interface OutboxRow {
  readonly service: string;
  readonly eventId: string;
  readonly eventType: string;
  readonly aggregateId: string;
  readonly sagaUid: string | null;
  readonly orderId: string | null;
  readonly published: boolean;
}

export interface InboxRow {
  readonly service: string;
  readonly eventId: string;
  readonly handler: string;
}

/** One OrderSaga: one uid, so a re-created name is another fact. */
export interface SagaFact {
  readonly uid: string;
  readonly name: string;
  /** True time (not a skewed process's). */
  readonly createdAtMillis: number;
  /** Every version that was stored, in order; the last is how it stands, or stood when it went. At least one. */
  readonly versions: readonly SagaVersion[];
  /** The object is gone from the API server. */
  readonly gone: boolean;
  /** Somebody removed our finalizer by force: nothing is promised any more. */
  readonly forced?: boolean;
  /** Why this saga may be open for ever: it waits for a person (a step after the pivot that says no, a spec that cannot be read). */
  readonly mayStayOpen?: string;
}

export interface SagaVersion {
  readonly position: number;
  /** True time. */
  readonly atMillis: number;
  readonly generation: number;
  /** Defaulted, as stored. */
  readonly spec: OrderSagaSpec;
  readonly status: OrderSagaStatus;
  readonly finalizers: readonly string[];
  readonly deleting: boolean;
  /** Value of the annotation by which a person gives up one step's acknowledgement. */
  readonly abandonStep?: string;
  /** A person emptied or edited the status here: what it said before is no longer held against it. */
  readonly statusEditedByUser?: boolean;
}

export interface CommandFact {
  readonly position: number;
  /** From the subject. */
  readonly service: string;
  readonly command: Command;
}

export interface ReplyFact {
  readonly position: number;
  readonly reply: Reply;
}

export interface EventFact {
  readonly position: number;
  /** A DomainEvent will do. */
  readonly event: { readonly eventId: string; readonly eventType: string; readonly aggregateId: string };
}

export interface ConsumerFact {
  readonly stream: string;
  readonly name: string;
  /** Not yet delivered. */
  readonly pending: number;
  /** Delivered, not acknowledged. */
  readonly ackPending: number;
}

/** A message that was delivered to a service (or the operator) and that nobody can read. `body`: text or digest, the same as in its dead letter. */
export interface UnreadableFact {
  readonly service: string;
  readonly subject: string;
  readonly body: string;
}

export interface DeadLetterFact {
  readonly service: string;
  /** The subject on which the message was found. */
  readonly subject: string;
  readonly body: string;
  readonly reason: string;
}

/** A mail or SMS that was handed over; one fact per hand-over. */
export interface NotificationFact {
  readonly channel: 'mail' | 'sms';
  /** The Message-ID or Idempotency-Key. */
  readonly messageId: string;
  readonly orderId: string;
  readonly kind: 'confirmed' | 'cancelled' | 'refunded';
}

export interface ClientFacts {
  /** What was promised to somebody: an order over HTTP (201), or a saga that the API server took (201). Never what the client is unsure of. */
  readonly accepted?: readonly Acceptance[];
  /** Every 201 to an order over HTTP, repeats too. */
  readonly placements?: readonly Placement[];
  readonly orderReads?: readonly OrderRead[];
  readonly sagaReads?: readonly SagaRead[];
}

export type Acceptance =
  | { readonly kind: 'order'; readonly orderId: string }
  | { readonly kind: 'saga'; readonly uid: string; readonly name: string };

/** `key`: the Idempotency-Key that was sent, made unique by its sender. `orderId`: of the order that the answer names. */
export interface Placement {
  readonly key: string;
  readonly orderId: string;
}

/** An answer of GET /orders/:id. One client's reads do not overlap. `position`: when the answer was read from the database. */
export interface OrderRead {
  readonly client: string;
  readonly orderId: string;
  readonly state: OrderState;
  readonly position: number;
}

/** Position of the answer. The API server may answer from an older moment. */
export interface SagaRead {
  readonly client: string;
  readonly uid: string;
  readonly outcome: Outcome | null;
  readonly position: number;
}

/** An answer of GET /inventory/:sku, or a look at the row. */
export interface StockProbe {
  readonly sku: string;
  readonly available: number;
}

/** Objects of one kind (consumer, stream, lease, finalizer holder, drill object ...) before the run and now. Fence rows stay for ever: leave them out. */
export interface LeftoverFact {
  readonly kind: string;
  /** names: exactly the same must be there. count: names differ from run to run (ephemeral consumers), so not more than before. */
  readonly compare: 'names' | 'count';
  readonly baseline: readonly string[];
  readonly now: readonly string[];
}

/** The same asked twice: trace hashes of one seed, or `decide` of one state as text. */
export interface ReplayFact {
  readonly what: string;
  readonly first: string;
  readonly second: string;
}

export interface HealingFact {
  /** True time when the last fault was over. */
  readonly healedAtMillis: number;
  /** How long a saga may take after that, beyond its own deadline. */
  readonly boundMillis: number;
  /** True time of this look. */
  readonly nowMillis: number;
}
