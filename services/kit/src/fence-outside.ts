import type { Command, Reply } from '@sagamesh/contracts/messages';
import { unreachable } from '@sagamesh/contracts/unreachable';
import { RetryableError, TerminalError } from '@sagamesh/runtime/errors';
import type { Tx } from './db.ts';
import { decideFence, type FenceDecision } from './fence-decision.ts';
import type { FenceShell } from './fence-local.ts';
import { answerTo, assertResult, replyTo } from './fence-reply.ts';
import { insertRow, lockRow, moveRow, placeOf, readRow, takePlace, type FenceRow } from './fence-rows.ts';
import type { ExecuteOutcome, OutsideStep, UndoOutcome } from './step.ts';

/**
 * Steps whose effect is at a provider. No provider call is inside a transaction, and none that takes effect is made before `pending` is
 * committed. Between a call and the transaction that records it anything may happen at the row, so that transaction decides again.
 */

type Said = Extract<FenceDecision, { kind: 'repeat' | 'answer' }>;
type Seen =
  { readonly kind: 'reply'; readonly reply: Reply } | { readonly kind: 'row'; readonly row: FenceRow };

export async function handleOutside(shell: FenceShell, step: OutsideStep, command: Command): Promise<Reply> {
  switch (command.direction) {
    case 'execute':
      return execute(shell, step, command);
    case 'compensate':
      return compensate(shell, step, command);
    case 'revoke':
      return revoke(shell, command);
    default:
      return unreachable(command.direction);
  }
}

/** Replies without change of the row; a rejection is only told once nothing can take effect any more. */
async function say(
  step: OutsideStep,
  command: Command,
  row: FenceRow | undefined,
  decision: Said,
): Promise<Reply> {
  // The process may have died between the row and the settling; and an EXECUTE that runs beside us may have gone on until we settle.
  if (row?.state === 'rejected' && row.reference !== null) await step.settle(command, row.reference);
  return decision.kind === 'repeat'
    ? replyTo(command, decision.outcome, row?.reply)
    : answerTo(command, decision.outcome);
}

function referenceOf(row: FenceRow | undefined): string {
  if (row === undefined || row.reference === null)
    throw new TerminalError('the row names no provider object, but this step has an outside effect');
  return row.reference;
}

async function execute(shell: FenceShell, step: OutsideStep, command: Command): Promise<Reply> {
  const row = await readRow(shell.db, command);
  const decision = decideFence('execute', placeOf(row, shell.hash));
  switch (decision.kind) {
    case 'apply':
      return announce(shell, step, command);
    case 'continue':
      return perform(shell, step, command, referenceOf(row));
    case 'repeat':
    case 'answer':
      return say(step, command, row, decision);
    case 'undo':
    case 'bury':
      throw new TerminalError(`${decision.kind} is no answer to EXECUTE`);
    default:
      return unreachable(decision);
  }
}

/** The provider's object is made without effect; tx 1 makes its reference known. Whoever was faster at the row has said what holds. */
async function announce(shell: FenceShell, step: OutsideStep, command: Command): Promise<Reply> {
  const intended = await step.intend(command);
  if ('kind' in intended) {
    const said = { reason: intended.reason, message: intended.message };
    const first = await shell.db.tx(async (tx) => {
      if (!(await insertRow(tx, command, { state: 'rejected', hash: shell.hash, reply: said }))) return false;
      await shell.outbox.add(tx, intended.events ?? []);
      return true;
    });
    return first ? replyTo(command, 'Rejected', said) : execute(shell, step, command);
  }
  const { reference } = intended;
  const first = await shell.db.tx((tx) =>
    insertRow(tx, command, { state: 'pending', hash: shell.hash, reference }),
  );
  return first ? perform(shell, step, command, reference) : execute(shell, step, command);
}

/** The call, then tx 2. */
async function perform(
  shell: FenceShell,
  step: OutsideStep,
  command: Command,
  reference: string,
): Promise<Reply> {
  const outcome = await step.perform(command, reference);
  const [row, decision] = await shell.db.tx(async (tx) => {
    const row = await mustLock(tx, command);
    const decision = decideFence('execute', placeOf(row, shell.hash));
    if (decision.kind !== 'continue') return [row, decision] as const;
    const moved = await record(shell, step, command, reference, outcome, tx);
    return [{ ...row, ...moved }, decideFence('execute', placeOf({ ...row, ...moved }, shell.hash))] as const;
  });
  if (decision.kind !== 'repeat' && decision.kind !== 'answer')
    throw new TerminalError(`${decision.kind} is no answer after the call`);
  return say(step, command, row, decision);
}

async function mustLock(tx: Tx, command: Command): Promise<FenceRow> {
  const row = await lockRow(tx, command);
  if (row === undefined) throw new RetryableError('the row of this step in the fence is not visible yet');
  return row;
}

async function record(
  shell: FenceShell,
  step: OutsideStep,
  command: Command,
  reference: string,
  outcome: ExecuteOutcome,
  tx: Tx,
): Promise<Pick<FenceRow, 'state' | 'reply'>> {
  const reply =
    outcome.kind === 'executed'
      ? { result: assertResult(outcome.result) }
      : { reason: outcome.reason, message: outcome.message };
  await moveRow(tx, command, outcome.kind, reply);
  await step.recordExecuted(tx, command, reference, outcome);
  await shell.outbox.add(tx, outcome.events ?? []);
  return { state: outcome.kind, reply };
}

async function compensate(shell: FenceShell, step: OutsideStep, command: Command): Promise<Reply> {
  const seen = await shell.db.tx(async (tx): Promise<Seen | readonly [FenceRow, Said]> => {
    const row = await takePlace(tx, command, { state: 'tombstone', hash: null });
    const decision = decideFence('compensate', placeOf(row, shell.hash));
    if (decision.kind === 'bury') return { kind: 'reply', reply: replyTo(command, decision.outcome) };
    if (row === undefined) throw new TerminalError('a new row can only be buried');
    if (decision.kind === 'undo') return { kind: 'row', row };
    if (decision.kind === 'repeat' || decision.kind === 'answer') return [row, decision];
    throw new TerminalError(`${decision.kind} is no answer to COMPENSATE`);
  });
  if (!('kind' in seen)) return say(step, command, ...seen);
  if (seen.kind === 'reply') return seen.reply;
  const reference = referenceOf(seen.row);
  if (seen.row.action !== step.execute)
    throw new TerminalError(
      `${command.action} does not undo ${seen.row.action}: the plan pairs them wrongly`,
    );
  // Settle first, then say so: once the row says `compensated` nobody looks at the provider again.
  const outcome = await step.settle(command, reference);
  return recordUndone(shell, step, command, reference, outcome);
}

async function recordUndone(
  shell: FenceShell,
  step: OutsideStep,
  command: Command,
  reference: string,
  outcome: UndoOutcome,
): Promise<Reply> {
  const said = { result: assertResult(outcome.result) };
  return shell.db.tx(async (tx) => {
    const row = await mustLock(tx, command);
    const decision = decideFence('compensate', placeOf(row, shell.hash));
    if (decision.kind === 'repeat') return replyTo(command, decision.outcome, row.reply);
    if (decision.kind === 'answer') return answerTo(command, decision.outcome);
    await moveRow(tx, command, 'compensated', said);
    await step.recordUndone(tx, command, reference, outcome);
    await shell.outbox.add(tx, outcome.events ?? []);
    return replyTo(command, 'Compensated', said);
  });
}

async function revoke(shell: FenceShell, command: Command): Promise<Reply> {
  return shell.db.tx(async (tx) => {
    const row = await takePlace(tx, command, { state: 'tombstone', hash: null });
    const decision = decideFence('revoke', placeOf(row, shell.hash));
    if (decision.kind === 'bury') return replyTo(command, decision.outcome);
    if (decision.kind === 'answer') return answerTo(command, decision.outcome);
    throw new TerminalError(`${decision.kind} is no answer to REVOKE`);
  });
}
