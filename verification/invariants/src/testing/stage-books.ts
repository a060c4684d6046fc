import type {
  CommandFact,
  FenceChange,
  FenceRow,
  OrderChange,
  OrderRow,
  OtherEffect,
  OutboxRow,
  PaymentEntry,
  PaymentRow,
  ProviderMovement,
  ReplyFact,
  ReservationRow,
  StockMovement,
} from '../facts.ts';

/** What the sagas on a stage leave behind, in order. */
export class StageBooks {
  position = 0;
  readonly orders = new Map<string, OrderRow>();
  readonly orderChanges: OrderChange[] = [];
  readonly movements: StockMovement[] = [
    { kind: 'initial', sku: 'MOUSE', quantity: 100, sagaUid: null, orderId: null },
    { kind: 'restocked', sku: 'MOUSE', quantity: 10, sagaUid: null, orderId: null },
  ];
  readonly reservations = new Map<string, ReservationRow>();
  readonly payments = new Map<string, PaymentRow>();
  readonly ledger: PaymentEntry[] = [];
  readonly captures: ProviderMovement[] = [];
  readonly refunds: ProviderMovement[] = [];
  readonly otherEffects: OtherEffect[] = [];
  readonly fenceRows = new Map<string, FenceRow>();
  readonly fenceChanges: FenceChange[] = [];
  readonly outbox: OutboxRow[] = [];
  readonly commands: CommandFact[] = [];
  readonly replies: ReplyFact[] = [];

  next(): number {
    this.position += 10;
    return this.position;
  }
}
