import { MemoryTable } from './memory-table.ts';
import { check } from './sql-failure.ts';
import {
  changed,
  jsonOf,
  oneIf,
  rowOf,
  textOf,
  textOrNull,
  uuidOf,
  type Params,
  type Statement,
  type Storage,
} from './statement.ts';

/** `saga_fence` (services/kit/src/kit-migrations.ts, fence-rows.ts). */

export interface SagaFenceRow {
  readonly saga_uid: string;
  readonly step: string;
  readonly state: string;
  readonly req_hash: string | null;
  readonly reply: unknown;
  readonly reference: string | null;
  readonly action: string;
  readonly order_id: string;
  readonly created_at: Date;
  readonly changed_at: Date;
}

/** One committed change of a row; what came and went within a transaction is not seen. */
export interface FenceChange {
  readonly atMillis: number;
  readonly before: SagaFenceRow | undefined;
  readonly after: SagaFenceRow;
}

const states = new Set(['pending', 'executed', 'rejected', 'compensated', 'tombstone']);

function guard(row: SagaFenceRow, before: SagaFenceRow | undefined): void {
  if (before === undefined || before.state !== row.state) {
    check(states.has(row.state), 'saga_fence_state');
    check(row.state === 'tombstone' || row.req_hash !== null, 'saga_fence_hash');
    check(row.state !== 'pending' || row.reference !== null, 'saga_fence_reference');
  }
}

const keyOf = (params: Params) => `${uuidOf(params, 1)}/${textOf(params, 2)}`;

function shown(row: SagaFenceRow | undefined) {
  if (row === undefined) return rowOf(undefined);
  const { state, req_hash, reply, reference, action } = row;
  return rowOf({ state, req_hash, reply, reference, action });
}

export function fenceTable(storage: Storage) {
  const rows = new MemoryTable<SagaFenceRow>({
    log: storage.log,
    primaryKey: 'saga_fence_pkey',
    guard,
  });
  const columns = 'state, req_hash, reply, reference, action';
  const statements: readonly Statement[] = [
    {
      text: `insert into saga_fence(saga_uid, step, state, req_hash, reference, reply, action, order_id)
        values ($1::uuid, $2, $3, $4, $5, $6::jsonb, $7, $8)
        on conflict (saga_uid, step) do nothing returning 1 as one`,
      run: (params) => {
        const key = keyOf(params);
        if (rows.get(key) !== undefined) return oneIf(false);
        rows.insert(key, {
          saga_uid: uuidOf(params, 1),
          step: textOf(params, 2),
          state: textOf(params, 3),
          req_hash: textOrNull(params, 4),
          reference: textOrNull(params, 5),
          reply: jsonOf(params, 6),
          action: textOf(params, 7),
          order_id: textOf(params, 8),
          created_at: storage.now(),
          changed_at: storage.now(),
        });
        return oneIf(true);
      },
    },
    {
      text: `select ${columns} from saga_fence where saga_uid = $1::uuid and step = $2`,
      run: (params) => shown(rows.get(keyOf(params))),
    },
    {
      text: `select ${columns} from saga_fence where saga_uid = $1::uuid and step = $2 for update`,
      run: (params) => shown(rows.get(keyOf(params))),
    },
    {
      text: `update saga_fence set state = $3, reply = $4::jsonb, changed_at = now()
        where saga_uid = $1::uuid and step = $2`,
      run: (params) => {
        const row = rows.get(keyOf(params));
        if (row === undefined) return changed(0);
        const moved = { state: textOf(params, 3), reply: jsonOf(params, 4), changed_at: storage.now() };
        rows.replace(keyOf(params), { ...row, ...moved });
        return changed(1);
      },
    },
  ];
  const history: FenceChange[] = [];
  storage.onCommit((atMillis) => {
    for (const { before, after } of rows.changes())
      if (after !== undefined) history.push({ atMillis, before, after });
  });
  return { rows, history, statements };
}
