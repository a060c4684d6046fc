import type { Mutant } from './mutant.ts';

/** Bugs of the saga's pure core: what is done when. */

const decide = 'operator/src/saga/decide.ts';
const evolve = 'operator/src/saga/evolve.ts';
const restore = 'operator/src/saga/restore.ts';
const transitions = 'operator/src/saga/transitions.ts';

const afterSend =
  'return { ...sent, call: { ...call, attempt: call.attempt + 1, commandId: fact.commandId, wait } };';

export const sagaMutants: readonly Mutant[] = [
  {
    id: 'revoked-is-leave',
    title: 'Revoked is taken as leave to go on: the saga goes forward past a pivot that was revoked.',
    patches: [
      {
        file: evolve,
        find: `return call.direction === 'revoke'
        ? undoBelow(settleStep(state, reply.outcome, nowMillis), call.stepIndex, nowMillis)
        : state;`,
        replace: "return call.direction === 'revoke' ? pivotHadPassed(state, reply, nowMillis) : state;",
      },
    ],
    budgetSeeds: 10,
    origin: 'literature',
  },
  {
    id: 'wrong-reverse-order',
    title: 'Steps are undone first to last instead of last to first.',
    patches: [
      {
        file: transitions,
        find: 'for (let index = stepIndex - 1; index >= 0; index -= 1) {',
        replace: `const { pivotIndex } = state.plan;
  for (let index = stepIndex === pivotIndex ? 0 : stepIndex + 1; index < pivotIndex; index += 1) {`,
      },
    ],
    budgetSeeds: 10,
    origin: 'literature',
  },
  {
    id: 'undo-past-pivot',
    title: 'PivotPassed is taken as Revoked: a confirmed order is undone.',
    patches: [
      {
        file: evolve,
        find: "return call.direction === 'revoke' ? pivotHadPassed(state, reply, nowMillis) : state;",
        replace:
          "return call.direction === 'revoke' ? undoBelow(settleStep(state, 'Revoked', nowMillis), call.stepIndex, nowMillis) : state;",
      },
    ],
    budgetSeeds: 40,
    origin: 'literature',
  },
  {
    id: 'no-resend',
    title: 'Nothing is sent again after a time-out: only the broker is trusted to deliver.',
    patches: [
      {
        file: evolve,
        find: "if (call.wait.kind === 'ready' || nowMillis < call.wait.untilMillis) return state;",
        replace: "if (call.wait.kind !== 'backoff' || nowMillis < call.wait.untilMillis) return state;",
      },
      {
        file: decide,
        find: 'return { action: null, wakeAtMillis: earliest(call.wait.untilMillis, deadline) };',
        replace:
          "return { action: null, wakeAtMillis: call.wait.kind === 'reply' ? deadline : earliest(call.wait.untilMillis, deadline) };",
      },
    ],
    budgetSeeds: 20,
    origin: 'literature',
  },
  {
    id: 'finalizer-dropped-early',
    title: 'The finalizer is released before the outcome is recorded.',
    patches: [
      {
        file: decide,
        find: "if (!state.recorded.outcome) return doNow({ kind: 'RecordOutcome' });",
        replace: `if (state.recorded.finalizer) return doNow({ kind: 'ReleaseFinalizer' });
  if (!state.recorded.outcome) return doNow({ kind: 'RecordOutcome' });`,
      },
    ],
    budgetSeeds: 10,
    origin: 'literature',
  },
  {
    id: 'finalizer-never-held',
    title: 'Commands are sent without the finalizer, so a delete finds nobody in the way.',
    patches: [
      {
        file: decide,
        find: "if (!state.recorded.finalizer && !state.wishes.deleting) return doNow({ kind: 'HoldFinalizer' });",
        replace: '',
      },
    ],
    budgetSeeds: 10,
    origin: 'law',
  },
  {
    id: 'pivot-not-revoked',
    title: 'Steps are undone without revoking the pivot first.',
    patches: [
      {
        file: transitions,
        find: "return { ...state, failure, phase: 'Revoking', call: openCall('revoke', state.plan.pivotIndex) };",
        replace: 'return undoBelow({ ...state, failure }, state.plan.pivotIndex, state.startedAtMillis);',
      },
    ],
    budgetSeeds: 10,
    origin: 'law',
  },
  {
    id: 'cause-not-recorded',
    title: 'REVOKE is sent before the cause of the abort is stored, so a restart does not know of it.',
    patches: [
      {
        file: decide,
        find: "if (state.failure && !state.recorded.failure) return doNow({ kind: 'RecordFailure' });",
        replace: '',
      },
    ],
    budgetSeeds: 10,
    origin: 'law',
  },
  {
    id: 'restart-forgets-sends',
    title: 'After a restart only what this process has sent counts as possibly sent.',
    patches: [
      { file: restore, find: 'index < plan.pivotIndex && hasBegun', replace: 'false' },
      {
        file: evolve,
        find: 'const next = recorded.finalizer ? anyStepMayHaveBeenSent(seen) : seen;',
        replace: 'const next = seen;',
      },
    ],
    budgetSeeds: 40,
    origin: 'law',
  },
  {
    id: 'only-done-is-undone',
    title: 'Only steps that are known to be done are undone; one of unknown outcome is left.',
    patches: [
      {
        file: transitions,
        find: 'if (state.steps[index]?.mayHaveBeenSent) {',
        replace: "if (state.steps[index]?.state === 'Done') {",
      },
    ],
    budgetSeeds: 20,
    origin: 'literature',
  },
  {
    id: 'completed-too-early',
    title: 'Completed is said when the last command is sent, before its reply.',
    patches: [
      {
        file: evolve,
        find: afterSend,
        replace: `const asked = { ...sent, call: { ...call, attempt: call.attempt + 1, commandId: fact.commandId, wait } };
  if (fact.direction !== 'execute' || fact.stepIndex !== state.plan.steps.length - 1) return asked;
  return forwardFrom(changeStep(asked, fact.stepIndex, () => ({ state: 'Done' })), fact.stepIndex + 1, nowMillis);`,
      },
    ],
    budgetSeeds: 10,
    origin: 'law',
  },
  {
    id: 'undo-not-awaited',
    title: 'The next compensation is sent without waiting for the acknowledgement of the one before.',
    patches: [
      {
        file: evolve,
        find: afterSend,
        replace: `const asked = { ...sent, call: { ...call, attempt: call.attempt + 1, commandId: fact.commandId, wait } };
  if (fact.direction !== 'compensate' || fact.stepIndex === 0) return asked;
  return undoBelow(settleStep(asked, 'Compensated', nowMillis), fact.stepIndex, nowMillis);`,
      },
    ],
    budgetSeeds: 10,
    origin: 'law',
  },
  {
    id: 'undo-given-up',
    title: 'A compensation is given up after as many attempts as a step gets forward.',
    patches: [
      {
        file: evolve,
        find: 'const mayGiveUp = call.direction',
        replace: `if (call.direction === 'compensate' && call.attempt >= retry.maxAttempts)
    return undoBelow(settleStep(noted, 'Compensated', nowMillis), call.stepIndex, nowMillis);
  const mayGiveUp = call.direction`,
      },
    ],
    budgetSeeds: 20,
    origin: 'literature',
  },
  {
    id: 'deadline-never-ends',
    title: 'The deadline never ends a saga.',
    patches: [
      {
        file: evolve,
        find: 'if (nowMillis >= startedAtMillis + wishes.deadlineSeconds * 1_000) {',
        replace: 'if (nowMillis < 0 * startedAtMillis) {',
      },
    ],
    budgetSeeds: 10,
    origin: 'literature',
  },
  {
    id: 'recorded-failure-ignored',
    title: 'An operator that goes forward does not turn round when another has recorded a failure.',
    patches: [
      {
        file: evolve,
        find: "if (recorded.failure && next.phase === 'Forward' && canTurn(next)) return turnAs(next, recorded.failure);",
        replace: '',
      },
    ],
    budgetSeeds: 60,
    origin: 'found',
  },
];
