import type { Command, Reply } from '@sagamesh/contracts/messages';
import { unreachable } from '@sagamesh/contracts/unreachable';
import { TerminalError } from '@sagamesh/runtime/errors';
import type { Db, Tx } from './db.ts';
import { decideFence } from './fence-decision.ts';
import { answerTo, assertResult, replyTo } from './fence-reply.ts';
import { moveRow, placeOf, takePlace, type FenceRow, type NewRow } from './fence-rows.ts';
import type { Outbox } from './outbox.ts';
import type { LocalStep } from './step.ts';

/** Steps whose effect is in this database: row, effect, events and reply are one transaction. */

export interface FenceShell {
  readonly db: Db;
  readonly outbox: Outbox;
  readonly hash: string;
}

/** What takes an empty place; for EXECUTE the effect follows in the same transaction. */
function claim(command: Command, hash: string): NewRow {
  return command.direction === 'execute' ? { state: 'executed', hash } : { state: 'tombstone', hash: null };
}

export async function handleLocal(shell: FenceShell, step: LocalStep, command: Command): Promise<Reply> {
  return shell.db.tx(async (tx) => {
    const row = await takePlace(tx, command, claim(command, shell.hash));
    const decision = decideFence(command.direction, placeOf(row, shell.hash));
    switch (decision.kind) {
      case 'apply':
        return applyStep(shell, tx, step, command);
      case 'undo':
        return undoStep(shell, tx, step, command, row);
      case 'bury':
        return decision.outcome === 'NothingToUndo'
          ? undoNothing(shell, tx, step, command)
          : replyTo(command, decision.outcome);
      case 'repeat':
        return replyTo(command, decision.outcome, row?.reply);
      case 'answer':
        return answerTo(command, decision.outcome);
      case 'continue':
        throw new TerminalError('the row waits for an outside effect, but this step has none');
      default:
        return unreachable(decision);
    }
  });
}

async function applyStep(shell: FenceShell, tx: Tx, step: LocalStep, command: Command): Promise<Reply> {
  // Behind a savepoint: a business no leaves nothing but its row and its events, whatever the handler wrote before it knew.
  await tx.exec('savepoint effect');
  const outcome = await step.apply(tx, command);
  if (outcome.kind === 'rejected') {
    await tx.exec('rollback to savepoint effect');
    const said = { reason: outcome.reason, message: outcome.message };
    await moveRow(tx, command, 'rejected', said);
    await shell.outbox.add(tx, outcome.events ?? []);
    return replyTo(command, 'Rejected', said);
  }
  const said = { result: assertResult(outcome.result) };
  await moveRow(tx, command, 'executed', said);
  await shell.outbox.add(tx, outcome.events ?? []);
  return replyTo(command, 'Executed', said);
}

async function undoStep(
  shell: FenceShell,
  tx: Tx,
  step: LocalStep,
  command: Command,
  row: FenceRow | undefined,
): Promise<Reply> {
  if (row?.state !== 'executed' || step.undo === undefined)
    throw new TerminalError(`the step ${command.step} has no compensation here`);
  if (row.action !== step.execute)
    throw new TerminalError(`${command.action} does not undo ${row.action}: the plan pairs them wrongly`);
  const outcome = await step.undo(tx, command, row.reply.result ?? {});
  const said = { result: assertResult(outcome.result) };
  await moveRow(tx, command, 'compensated', said);
  await shell.outbox.add(tx, outcome.events ?? []);
  return replyTo(command, 'Compensated', said);
}

async function undoNothing(shell: FenceShell, tx: Tx, step: LocalStep, command: Command): Promise<Reply> {
  if (step.undoNothing === undefined) return replyTo(command, 'NothingToUndo');
  const outcome = await step.undoNothing(tx, command);
  const said = { result: assertResult(outcome.result) };
  await moveRow(tx, command, 'tombstone', said);
  await shell.outbox.add(tx, outcome.events ?? []);
  return replyTo(command, 'NothingToUndo', said);
}
