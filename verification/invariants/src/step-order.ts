import { orderSagaFinalizer } from '@sagamesh/contracts/order-saga';
import type { Facts, ReplyFact } from './facts.ts';
import type { Finding } from './finding.ts';
import { Judge } from './judge.ts';
import { mayBeAbandoned, pivotOf, viewOf } from './view.ts';
import type { SagaView } from './view.ts';

/**
 * I6, at every moment, whoever sent the command: steps go forward in the order of the plan and back in the exact reverse.
 *
 * - EXECUTE of a step only after the step before it was told Executed (after the pivot also: PivotPassed).
 * - REVOKE only of the pivot; COMPENSATE only of steps before it.
 * - COMPENSATE only after the pivot was told Revoked, and after each later step that was sent before was told Compensated or NothingToUndo.
 * - The effects have the same order: done in plan order, undone in reverse.
 * - Where all is in one order: our finalizer was stored before any command, and a cause of failure before any REVOKE.
 *
 * Any command may be sent again at any time by anybody, also an EXECUTE after a COMPENSATE (a leader that does not know yet): the fence makes
 * that harmless, so it is no violation. An acknowledgement that was given up counts as heard.
 */
export function checkStepOrder(facts: Facts): Finding {
  const judge = new Judge('I6');
  for (const saga of viewOf(facts).sagas) {
    if (saga.fact.forced) continue;
    if (facts.commands && facts.replies) lookAtCommands(saga, judge);
    if (facts.oneOrder) lookAtGates(saga, judge);
    if (facts.oneOrder) lookAtEffects(saga, judge);
  }
  return judge.finding;
}

function lookAtCommands(saga: SagaView, judge: Judge): void {
  const indexOf = new Map(saga.plan.map((step, index) => [step.name, index]));
  const heard = new Set<string>();
  const sent = new Set<number>();
  let next = 0;
  for (const { position, command } of saga.commands) {
    for (let reply = saga.replies[next]; reply && reply.position <= position; reply = saga.replies[next]) {
      heard.add(wordOf(reply));
      next += 1;
    }
    const index = indexOf.get(command.step);
    const problem =
      index === undefined
        ? `${command.step} is no step of its plan`
        : problemWith(saga, command.direction, index, heard, sent);
    judge.look(
      problem === undefined,
      () => `${saga.label}: ${command.direction} of ${command.step} sent (${command.commandId}): ${problem}`,
    );
    if (index !== undefined && command.direction === 'execute') sent.add(index);
  }
}

function wordOf({ reply }: ReplyFact): string {
  const { step, direction, outcome } = reply;
  // What was undone and what was never done are the same to whoever waits for it.
  return `${step}/${direction}/${outcome === 'NothingToUndo' ? 'Compensated' : outcome}`;
}

function problemWith(
  saga: SagaView,
  direction: 'execute' | 'compensate' | 'revoke',
  index: number,
  heard: ReadonlySet<string>,
  sent: ReadonlySet<number>,
): string | undefined {
  switch (direction) {
    case 'execute':
      return problemForward(saga, index, heard);
    case 'revoke':
      return index === saga.pivotIndex ? undefined : 'it is not the pivot';
    case 'compensate':
      return problemBack(saga, index, heard, sent);
  }
}

function problemForward(saga: SagaView, index: number, heard: ReadonlySet<string>): string | undefined {
  const before = saga.plan[index - 1];
  if (!before) return undefined;
  const isHeard =
    heard.has(`${before.name}/execute/Executed`) ||
    (index - 1 === saga.pivotIndex && heard.has(`${before.name}/revoke/PivotPassed`)) ||
    mayBeAbandoned(saga, before.name, 'execute');
  return isHeard ? undefined : `${before.name} was not told Executed`;
}

function problemBack(
  saga: SagaView,
  index: number,
  heard: ReadonlySet<string>,
  sent: ReadonlySet<number>,
): string | undefined {
  const pivot = pivotOf(saga);
  if (!pivot || index >= saga.pivotIndex) return 'from the pivot on nothing is undone';
  if (!heard.has(`${pivot.name}/revoke/Revoked`) && !mayBeAbandoned(saga, pivot.name, 'revoke')) {
    return `${pivot.name} was not told Revoked`;
  }
  for (let later = index + 1; later < saga.pivotIndex; later += 1) {
    const name = saga.plan[later]?.name ?? '';
    if (!sent.has(later) || heard.has(`${name}/compensate/Compensated`)) continue;
    if (!mayBeAbandoned(saga, name, 'compensate')) return `${name} was sent and is not undone yet`;
  }
  return undefined;
}

/** What must be stored first, so that a delete finds us in the way, and a new leader knows that the saga has turned round. */
function lookAtGates(saga: SagaView, judge: Judge): void {
  const [first] = saga.commands;
  if (!first) return;
  const { versions } = saga.fact;
  const held = versions.find(({ finalizers }) => finalizers.includes(orderSagaFinalizer));
  judge.look(
    held !== undefined && held.position <= first.position,
    () => `${saga.label}: ${first.command.commandId} was sent before the finalizer was held`,
  );
  const revoke = saga.commands.find(({ command }) => command.direction === 'revoke');
  if (!revoke) return;
  const failed = versions.find(({ status }) => status.failure !== undefined);
  judge.look(
    failed !== undefined && failed.position <= revoke.position,
    () => `${saga.label}: ${revoke.command.commandId} was sent before the cause was stored`,
  );
}

function lookAtEffects(saga: SagaView, judge: Judge): void {
  if (saga.fenceChanges.length === 0) return;
  const done = new Map<string, number>();
  const undone = new Map<string, number>();
  for (const { step, state, position } of saga.fenceChanges) {
    if (state === 'executed' && !done.has(step)) done.set(step, position);
    if (state === 'compensated' && !undone.has(step)) undone.set(step, position);
  }
  // Backwards through the plan: what is later in it must not have been done before, nor undone after, what is earlier.
  let firstDone = { at: Infinity, name: '' };
  let lastUndone = { at: -Infinity, name: '' };
  for (const { name } of saga.plan.toReversed()) {
    const doneAt = done.get(name);
    if (doneAt !== undefined) {
      const later = firstDone;
      judge.look(doneAt <= later.at, () => `${saga.label}: ${later.name} took effect before ${name}`);
      if (doneAt < firstDone.at) firstDone = { at: doneAt, name };
    }
    const undoneAt = undone.get(name);
    if (undoneAt !== undefined && !mayBeAbandoned(saga, name, 'compensate')) {
      const later = lastUndone;
      judge.look(undoneAt >= later.at, () => `${saga.label}: ${name} was undone before ${later.name}`);
      if (undoneAt > lastUndone.at) lastUndone = { at: undoneAt, name };
    }
  }
}
