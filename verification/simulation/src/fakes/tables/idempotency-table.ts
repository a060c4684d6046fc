import { MemoryTable } from './memory-table.ts';
import {
  changed,
  jsonOf,
  oneIf,
  rowOf,
  textOf,
  type Params,
  type Statement,
  type Storage,
} from './statement.ts';

/** `idempotency_key` (services/kit/src/idempotency-key.ts). */

interface IdempotencyKeyRow {
  readonly body_hash: string;
  readonly answer: unknown;
  readonly expires_at: Date;
}

const dayMillis = 86_400_000;
const keyOf = (params: Params) => `${textOf(params, 1)} ${textOf(params, 2)}`;

export function idempotencyTable(storage: Storage) {
  const rows = new MemoryTable<IdempotencyKeyRow>({ log: storage.log, primaryKey: 'idempotency_key_pkey' });
  const statements: readonly Statement[] = [
    {
      // One transaction at a time writes here, so nobody else has it.
      text: 'select pg_try_advisory_xact_lock(hashtextextended($1, 0)) as locked',
      run: () => rowOf({ locked: true }),
    },
    {
      text: `insert into idempotency_key as k (scope, key, body_hash, expires_at)
        values ($1, $2, $3, now() + interval '24 hours')
        on conflict (scope, key) do update
          set body_hash = excluded.body_hash, answer = null, expires_at = excluded.expires_at
          where k.expires_at < now()
        returning 1 as one`,
      run: (params) => {
        const key = keyOf(params);
        const now = storage.now();
        const row = {
          body_hash: textOf(params, 3),
          answer: null,
          expires_at: new Date(now.getTime() + dayMillis),
        };
        const before = rows.get(key);
        if (before === undefined) rows.insert(key, row);
        else if (before.expires_at < now) rows.replace(key, row);
        else return oneIf(false);
        return oneIf(true);
      },
    },
    {
      text: 'select body_hash, answer from idempotency_key where scope = $1 and key = $2',
      run: (params) => {
        const row = rows.get(keyOf(params));
        return rowOf(row && { body_hash: row.body_hash, answer: row.answer });
      },
    },
    {
      text: 'update idempotency_key set answer = $3::jsonb where scope = $1 and key = $2',
      run: (params) => {
        const row = rows.get(keyOf(params));
        if (row === undefined) return changed(0);
        rows.replace(keyOf(params), { ...row, answer: jsonOf(params, 3) });
        return changed(1);
      },
    },
  ];
  return { rows, statements };
}
