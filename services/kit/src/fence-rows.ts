import type { Command } from '@sagamesh/contracts/messages';
import { RetryableError } from '@sagamesh/runtime/errors';
import type { Tx } from './db.ts';
import type { FencePlace, FenceState } from './fence-decision.ts';
import type { StepResult } from './step.ts';

/** The rows of `saga_fence`: SQL alone, no decisions. */

/** The part of a reply that is kept. */
export interface StoredReply {
  readonly result?: StepResult;
  readonly reason?: string;
  readonly message?: string;
}

export interface FenceRow {
  readonly state: FenceState;
  readonly req_hash: string | null;
  readonly reply: StoredReply;
  readonly reference: string | null;
  readonly action: string;
}

export interface NewRow {
  readonly state: FenceState;
  readonly hash: string | null;
  readonly reference?: string;
  readonly reply?: StoredReply;
}

const columns = 'state, req_hash, reply, reference, action';

/** INSERT comes first, always: SELECT FOR UPDATE on an empty place locks nothing (and on other databases deadlocks, Seata #6679). */
export async function insertRow(tx: Tx, command: Command, row: NewRow): Promise<boolean> {
  const inserted = await tx.query(
    `insert into saga_fence(saga_uid, step, state, req_hash, reference, reply, action, order_id)
     values ($1::uuid, $2, $3, $4, $5, $6::jsonb, $7, $8)
     on conflict (saga_uid, step) do nothing
     returning 1 as one`,
    [
      command.sagaUid,
      command.step,
      row.state,
      row.hash,
      row.reference ?? null,
      JSON.stringify(row.reply ?? {}),
      command.action,
      command.orderId,
    ],
  );
  return inserted.rowCount === 1;
}

export async function readRow(tx: Tx, command: Command): Promise<FenceRow | undefined> {
  const { rows } = await tx.query<FenceRow>(
    `select ${columns} from saga_fence where saga_uid = $1::uuid and step = $2`,
    [command.sagaUid, command.step],
  );
  return rows[0];
}

export async function lockRow(tx: Tx, command: Command): Promise<FenceRow | undefined> {
  const { rows } = await tx.query<FenceRow>(
    `select ${columns} from saga_fence where saga_uid = $1::uuid and step = $2 for update`,
    [command.sagaUid, command.step],
  );
  return rows[0];
}

export async function moveRow(
  tx: Tx,
  command: Command,
  state: FenceState,
  reply: StoredReply,
): Promise<void> {
  await tx.query(
    `update saga_fence set state = $3, reply = $4::jsonb, changed_at = now()
     where saga_uid = $1::uuid and step = $2`,
    [command.sagaUid, command.step, state, JSON.stringify(reply)],
  );
}

/** The row that was taken by us just now (`undefined`), or the locked row of whoever was first. */
export async function takePlace(tx: Tx, command: Command, row: NewRow): Promise<FenceRow | undefined> {
  if (await insertRow(tx, command, row)) return undefined;
  const first = await lockRow(tx, command);
  // Neither inserted nor seen: the other transaction's row is not visible to this statement. Nobody deletes rows, so the next try sees it.
  if (first === undefined)
    throw new RetryableError('the place in the fence is being taken by another message');
  return first;
}

export function placeOf(row: FenceRow | undefined, hash: string): FencePlace {
  if (row === undefined) return { kind: 'empty' };
  return { kind: 'row', state: row.state, sameRequest: row.req_hash === hash };
}
