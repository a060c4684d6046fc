import { GroupIndex, MemoryTable, UniqueIndex } from './memory-table.ts';
import { check, reference } from './sql-failure.ts';
import {
  changed,
  numberOf,
  rowsOf,
  textOf,
  uuidOf,
  type Params,
  type Statement,
  type Storage,
} from './statement.ts';

/** `payments` and `payment_ledger` (services/payment/src/payment-migrations.ts, payment-store.ts). */

export interface PaymentRow {
  readonly payment_id: string;
  readonly saga_uid: string;
  readonly step: string;
  readonly order_id: string;
  readonly amount_cents: number;
  readonly currency: string;
  readonly status: string;
  readonly reason: string;
  readonly created_at: Date;
  readonly updated_at: Date;
}

export interface PaymentLedgerRow {
  readonly entry: number;
  readonly saga_uid: string;
  readonly step: string;
  readonly order_id: string;
  readonly payment_id: string;
  readonly kind: string;
  readonly amount_cents: number;
  readonly currency: string;
  readonly at: Date;
}

const statuses = new Set(['captured', 'declined', 'refunded', 'cancelled']);
const kinds = new Set(['captured', 'refunded']);

function createPayments(storage: Storage) {
  const paymentsOfOrder = new GroupIndex<PaymentRow>((row) => row.order_id);
  const payments = new MemoryTable<PaymentRow>({
    log: storage.log,
    primaryKey: 'payments_pkey',
    indexes: [
      paymentsOfOrder,
      new UniqueIndex('payments_saga_uid_step_key', (row) => `${row.saga_uid} ${row.step}`),
    ],
    guard: (row) => {
      check(row.amount_cents > 0, 'payments_amount_cents_check');
      check(/^[A-Z]{3}$/.test(row.currency), 'payments_currency_check');
      check(statuses.has(row.status), 'payments_status_check');
    },
  });
  const entriesOfOrder = new GroupIndex<PaymentLedgerRow>((row) => row.order_id);
  const byPlace = new UniqueIndex<PaymentLedgerRow>(
    'payment_ledger_saga_uid_step_kind_key',
    (row) => `${row.saga_uid} ${row.step} ${row.kind}`,
  );
  const ledger = new MemoryTable<PaymentLedgerRow>({
    log: storage.log,
    primaryKey: 'payment_ledger_pkey',
    indexes: [entriesOfOrder, byPlace],
    guard: (row) => {
      check(kinds.has(row.kind), 'payment_ledger_kind_check');
      check(row.amount_cents > 0, 'payment_ledger_amount_cents_check');
      reference(payments.get(row.payment_id) !== undefined, 'payment_ledger_payment_id_fkey');
    },
  });
  return { payments, paymentsOfOrder, ledger, entriesOfOrder, byPlace };
}

type Payments = ReturnType<typeof createPayments>;

function putStatement(storage: Storage, { payments }: Payments): Statement {
  return {
    text: `insert into payments (payment_id, saga_uid, step, order_id, amount_cents, currency, status, reason)
      values ($1, $2::uuid, $3, $4, $5, $6, $7, $8)
      on conflict (payment_id) do update
        set status = excluded.status, reason = excluded.reason, updated_at = now()`,
    run: (params) => {
      const id = textOf(params, 1);
      const said = { status: textOf(params, 7), reason: textOf(params, 8), updated_at: storage.now() };
      const before = payments.get(id);
      if (before === undefined)
        payments.insert(id, {
          payment_id: id,
          saga_uid: uuidOf(params, 2),
          step: textOf(params, 3),
          order_id: textOf(params, 4),
          amount_cents: numberOf(params, 5),
          currency: textOf(params, 6),
          created_at: storage.now(),
          ...said,
        });
      else payments.replace(id, { ...before, ...said });
      return changed(1);
    },
  };
}

const insertEntry = `insert into payment_ledger (saga_uid, step, order_id, payment_id, kind, amount_cents, currency)
  values ($1::uuid, $2, $3, $4, $5, $6, $7)`;

function ledgerStatements(storage: Storage, { ledger, byPlace }: Payments): readonly Statement[] {
  let lastEntry = 0;
  const add = (params: Params) => {
    lastEntry += 1;
    ledger.insert(String(lastEntry), {
      entry: lastEntry,
      saga_uid: uuidOf(params, 1),
      step: textOf(params, 2),
      order_id: textOf(params, 3),
      payment_id: textOf(params, 4),
      kind: textOf(params, 5),
      amount_cents: numberOf(params, 6),
      currency: textOf(params, 7),
      at: storage.now(),
    });
    return changed(1);
  };
  return [
    { text: insertEntry, run: add },
    {
      text: `${insertEntry} on conflict (saga_uid, step, kind) do nothing`,
      run: (params) => {
        const place = `${uuidOf(params, 1)} ${textOf(params, 2)} ${textOf(params, 5)}`;
        return byPlace.keyOf(place) === undefined ? add(params) : changed(0);
      },
    },
  ];
}

function readStatements({ paymentsOfOrder, entriesOfOrder }: Payments): readonly Statement[] {
  return [
    {
      text: `select payment_id as "paymentId", saga_uid as "sagaUid", step, status, reason,
          amount_cents as "amountCents", currency
        from payments where order_id = $1 order by created_at, payment_id`,
      run: (params) => {
        const found = paymentsOfOrder
          .of(textOf(params, 1))
          .toSorted(
            (a, b) =>
              a.created_at.getTime() - b.created_at.getTime() || (a.payment_id < b.payment_id ? -1 : 1),
          );
        return rowsOf(
          found.map(({ payment_id, saga_uid, step, status, reason, amount_cents, currency }) => ({
            paymentId: payment_id,
            sagaUid: saga_uid,
            step,
            status,
            reason,
            amountCents: amount_cents,
            currency,
          })),
        );
      },
    },
    {
      text: `select payment_id as "paymentId", saga_uid as "sagaUid", kind,
          amount_cents as "amountCents", currency, at
        from payment_ledger where order_id = $1 order by entry`,
      run: (params) => {
        const found = entriesOfOrder.of(textOf(params, 1)).toSorted((a, b) => a.entry - b.entry);
        return rowsOf(
          found.map(({ payment_id, saga_uid, kind, amount_cents, currency, at }) => ({
            paymentId: payment_id,
            sagaUid: saga_uid,
            kind,
            amountCents: amount_cents,
            currency,
            at,
          })),
        );
      },
    },
  ];
}

export function paymentTables(storage: Storage) {
  const tables = createPayments(storage);
  const statements: readonly Statement[] = [
    putStatement(storage, tables),
    ...ledgerStatements(storage, tables),
    ...readStatements(tables),
  ];
  return { payments: tables.payments, ledger: tables.ledger, statements };
}
