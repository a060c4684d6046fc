import { outcomeIn, seen } from './state-space-alphabet.ts';
import type { Alphabet } from './state-space-alphabet.ts';
import type { Configuration } from './state-space-saga.ts';
import type { CoreTable } from './state-space-core.ts';
import { providerNames, rowAt } from './state-space-services.ts';
import type { Row } from './state-space-services.ts';
import { history } from './state-space-world.ts';
import type { World } from './state-space-world.ts';

/**
 * What must hold in every state (docs/guarantees.md), said over rows, provider, object and messages alone: by other code than what is judged.
 * What a person gave up by name is excused, and nothing else: whoever gives up the answer of the revoke gives up "whole or not at all".
 */

interface Judged {
  readonly alphabet: Alphabet;
  readonly table: CoreTable;
  readonly configuration: Configuration;
}

export function brokenLaw(world: World, judged: Judged): string | null {
  return lawOfObject(world) ?? lawOfMessages(world, judged) ?? lawOfEffects(world, judged);
}

/** Said last, said once, and held until then. */
function lawOfObject({ object, rows, sent }: World): string | null {
  const outcome = outcomeIn(object);
  const was = (bit: number) => (object & bit) !== 0;
  if (was(history.outcomeChanged)) return 'the stored outcome changed';
  if (was(history.held) && !was(seen.finalizer) && outcome === null) {
    return 'the finalizer was released before the outcome was stored';
  }
  if (sent !== 0 && !was(history.held)) return 'a command left before the finalizer was held';
  if (was(history.gone) && outcome === null && (sent !== 0 || rows !== 0)) {
    return 'the object is gone without an outcome, and commands had left';
  }
  if (outcome === 'Abandoned' && !was(history.givenUp)) return 'Abandoned, and nobody gave anything up';
  return null;
}

/** Which message may be on its way. The sets tell what was answered before, so nothing can be said where answers may be lost. */
function lawOfMessages(world: World, { alphabet, configuration }: Judged): string | null {
  const { sent, answers, object, rows } = world;
  const { steps, pivotIndex } = alphabet.plan;
  const isSent = (direction: 'execute' | 'compensate' | 'revoke', step: number) =>
    (sent & (1 << alphabet.message(direction, step))) !== 0;
  if (isSent('revoke', pivotIndex) && !(object & history.failed)) {
    return 'REVOKE left before the failure was stored';
  }
  if (object & history.givenUp || configuration.losses) return null;
  const revoked = answers & alphabet.answerBit(alphabet.message('revoke', pivotIndex), 'Revoked');
  for (let step = 0; step < pivotIndex; step += 1) {
    if (!isSent('compensate', step)) continue;
    if (!revoked) return 'a compensation left before the revoke was acknowledged';
    if (step + 1 < pivotIndex && !isUndone(world, alphabet, step + 1)) {
      return `${steps[step]?.name} is undone, and ${steps[step + 1]?.name} has not acknowledged its undo`;
    }
  }
  for (let step = 1; step < steps.length; step += 1) {
    if (!isSent('execute', step) || isExecuted(world, alphabet, step - 1)) continue;
    if (step === pivotIndex + 1 && rowAt(rows, pivotIndex) === 'executed') continue;
    return `${steps[step]?.name} is executed, and ${steps[step - 1]?.name} has not answered that it is`;
  }
  return null;
}

function isUndone({ answers }: World, alphabet: Alphabet, step: number): boolean {
  const message = alphabet.message('compensate', step);
  const said = alphabet.answerBit(message, 'Compensated') | alphabet.answerBit(message, 'NothingToUndo');
  return (answers & said) !== 0;
}

function isExecuted({ answers }: World, alphabet: Alphabet, step: number): boolean {
  return (answers & alphabet.answerBit(alphabet.message('execute', step), 'Executed')) !== 0;
}

/** Whole or not at all. */
function lawOfEffects(world: World, { alphabet, configuration, table }: Judged): string | null {
  const { object } = world;
  if (object & history.revokeGivenUp) return null;
  const { steps, pivotIndex } = alphabet.plan;
  const rows = steps.map((_, step) => rowAt(world.rows, step));
  const before = rows.slice(0, pivotIndex);
  const provider = providerNames[world.provider] ?? 'untouched';
  const paid = steps.findIndex(({ name }) => name === configuration.providerStep);
  const keepsMoney = provider === 'captured';
  if (rows[pivotIndex] === 'executed' && before.some((row) => row !== 'executed')) {
    return 'committed, but a step before the pivot is not in effect';
  }
  if (paid >= 0) {
    if (rows[paid] === 'executed' && rows[pivotIndex] === 'executed' && !keepsMoney) {
      return `committed and paid, and the provider says ${provider}`;
    }
    if ((rows[paid] === 'rejected' || rows[paid] === 'compensated') && keepsMoney) {
      return `the row of the payment says ${rows[paid]}, and the provider keeps the money`;
    }
    if (rows[paid] === 'empty' && provider !== 'untouched') return 'the provider acts under an empty place';
  }
  const stored = outcomeIn(object);
  if (stored === 'Completed') return whyNotCompleted(rows, paid < 0 || keepsMoney);
  // An end without a command is one without an acknowledgement. Should one leave later, that state is judged.
  const nothingLeft = world.sent === 0 && world.rows === 0;
  if (stored === 'Compensated') return nothingLeft ? null : whyNotCompensated(rows, pivotIndex, keepsMoney);
  if (stored !== null) return null;
  for (const operator of world.operators) {
    const { outcome, withoutCommand, givenUp } = table.said(operator >> 1);
    if (outcome === null || givenUp > 0) continue;
    const why =
      outcome === 'Completed'
        ? whyNotCompleted(rows, paid < 0 || keepsMoney)
        : withoutCommand || nothingLeft
          ? null
          : whyNotCompensated(rows, pivotIndex, keepsMoney);
    if (why !== null) return `an operator believes: ${why}`;
  }
  return null;
}

function whyNotCompleted(rows: readonly Row[], isPaid: boolean): string | null {
  const open = rows.find((row) => row !== 'executed');
  if (open !== undefined) return `Completed, and a row is ${open}`;
  return isPaid ? null : 'Completed, and the provider does not have the money';
}

function whyNotCompensated(rows: readonly Row[], pivotIndex: number, keepsMoney: boolean): string | null {
  const pivot = rows[pivotIndex];
  if (pivot !== 'tombstone' && pivot !== 'rejected') {
    return `Compensated, and the row of the pivot is ${pivot}`;
  }
  const open = rows
    .slice(0, pivotIndex)
    .find((row) => row === 'empty' || row === 'pending' || row === 'executed');
  if (open !== undefined) return `Compensated, and a row before the pivot is ${open}`;
  const later = rows.slice(pivotIndex + 1).find((row) => row !== 'empty');
  if (later !== undefined) return `Compensated, and a row behind the pivot is ${later}`;
  return keepsMoney ? 'Compensated, and the provider keeps the money' : null;
}
