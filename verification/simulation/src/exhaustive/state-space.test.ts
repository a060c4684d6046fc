import type { Decision } from '@sagamesh/operator/saga/decide';
import type { Fact, OpenSaga, SagaState } from '@sagamesh/operator/saga/state';
import { describe, expect, it } from 'vitest';
import { runStateSpace } from './run-state-space.ts';
import type { ScopeResult } from './run-state-space.ts';
import { explore } from './state-space.ts';
import { commonScope, scopeOf } from './state-space-configurations.ts';
import { realParts } from './state-space-parts.ts';
import type { Parts } from './state-space-parts.ts';
import { SagaModel } from './state-space-saga.ts';
import type { Configuration } from './state-space-saga.ts';

/** The search is judged here: of the product it says nothing bad, and of each broken product it says what is broken. */

/** Plan a (paid), p, n. Small enough for a test. */
const small = { name: 'small', before: ['a'], providerStep: 'a' } as const;

function search(change: Partial<Configuration> = {}, parts: Partial<Parts> = {}): ScopeResult {
  const options = { epochMillis: () => 0, parts: { ...realParts, ...parts } };
  const [result] = runStateSpace([scopeOf({ ...small, ...change })], options);
  if (!result) throw new Error('nothing was searched');
  return result;
}

const { evolve, decide, restore, decideFence } = realParts;
const { nextSettleMove } = realParts;

/** `evolve` with its answer changed. */
function evolveThen(change: (next: SagaState, fact: Fact, before: SagaState) => SagaState): Partial<Parts> {
  return { evolve: (state, fact, nowMillis) => change(evolve(state, fact, nowMillis), fact, state) };
}

function decideThen(change: (decision: Decision, state: SagaState) => Decision): Partial<Parts> {
  return { decide: (state, nowMillis) => change(decide(state, nowMillis), state) };
}

function doing(action: NonNullable<Decision['action']>): Decision {
  return { action, wakeAtMillis: null };
}

function callOf(state: OpenSaga, direction: OpenSaga['call']['direction'], stepIndex: number) {
  const { wait } = state.call;
  return {
    ...state.call,
    direction,
    stepIndex,
    wait: wait.kind === 'reply' ? ({ kind: 'ready' } as const) : wait,
  };
}

/** The commands that a process sends itself are the only ones that it believes in. */
function onlyOwn(next: SagaState, before: SagaState, fact: Fact): SagaState {
  if (fact.kind !== 'ObjectObserved') return next;
  const steps = next.steps.map((record, index) => ({
    ...record,
    mayHaveBeenSent: before.steps[index]?.mayHaveBeenSent ?? false,
  }));
  return { ...next, steps };
}

interface Mutant {
  readonly name: string;
  readonly parts: Partial<Parts>;
  readonly found: RegExp;
  readonly change?: Partial<Configuration>;
}

const mutants: readonly Mutant[] = [
  {
    name: 'a compensation of an empty place leaves no tombstone',
    parts: {
      decideFence: (direction, place) =>
        direction === 'compensate' && place.kind === 'empty'
          ? { kind: 'answer', outcome: 'NothingToUndo' }
          : decideFence(direction, place),
    },
    found: /Compensated, and a row before the pivot is empty/,
  },
  {
    name: 'a revoke of an empty place leaves no tombstone',
    parts: {
      decideFence: (direction, place) =>
        direction === 'revoke' && place.kind === 'empty'
          ? { kind: 'answer', outcome: 'Revoked' }
          : decideFence(direction, place),
    },
    found: /the pivot is empty|committed, but/,
  },
  {
    name: 'an execute takes the place of a tombstone',
    parts: {
      decideFence: (direction, place) =>
        direction === 'execute' && place.kind === 'row' && place.state === 'tombstone'
          ? { kind: 'apply' }
          : decideFence(direction, place),
    },
    found: /committed|Compensated|under an empty place|keeps the money/,
  },
  {
    name: 'the undo begins before the pivot is revoked',
    parts: evolveThen((next) =>
      next.phase === 'Revoking' && next.recorded.failure
        ? { ...next, phase: 'Undoing', call: callOf(next, 'compensate', 0) }
        : next,
    ),
    found: /before the revoke was acknowledged/,
  },
  {
    name: 'PivotPassed is taken for Revoked',
    parts: {
      evolve: (state, fact, nowMillis) =>
        evolve(
          state,
          fact.kind === 'ReplyArrived' && fact.outcome === 'PivotPassed'
            ? { ...fact, outcome: 'Revoked' }
            : fact,
          nowMillis,
        ),
    },
    found: /before the revoke was acknowledged|committed, but/,
  },
  {
    name: 'Compensated is said before the last acknowledgement',
    parts: evolveThen((next, _, before) =>
      next.phase === 'Undoing' && before.phase === 'Revoking'
        ? { ...next, phase: 'Ended', outcome: 'Compensated', finishedAtMillis: 0 }
        : next,
    ),
    found: /Compensated, and a row before the pivot/,
  },
  {
    name: 'Completed is said before the last step answered',
    parts: evolveThen((next) =>
      next.phase === 'Forward' && next.call.stepIndex > next.plan.pivotIndex
        ? { ...next, phase: 'Ended', outcome: 'Completed', finishedAtMillis: 0 }
        : next,
    ),
    found: /Completed, and a row is empty/,
  },
  {
    name: 'a restart forgets what may have been sent',
    parts: {
      ...evolveThen((next, fact, before) => onlyOwn(next, before, fact)),
      restore: (...args) => {
        const state = restore(...args);
        return { ...state, steps: state.steps.map((record) => ({ ...record, mayHaveBeenSent: false })) };
      },
    },
    found: /Compensated, and (a row before the pivot|the row of the pivot)/,
  },
  {
    name: 'forward again after Fenced, as if it were done',
    parts: {
      evolve: (state, fact, nowMillis) =>
        evolve(
          state,
          fact.kind === 'ReplyArrived' && fact.outcome === 'Fenced' ? { ...fact, outcome: 'Executed' } : fact,
          nowMillis,
        ),
    },
    found: /has not answered|Completed|committed, but/,
  },
  {
    name: 'forward again after a compensation',
    parts: evolveThen((next, fact, before) =>
      before.phase === 'Undoing' && next.phase === 'Ended' && fact.kind === 'ReplyArrived'
        ? { ...before, phase: 'Forward', call: callOf(before, 'execute', before.plan.pivotIndex + 1) }
        : next,
    ),
    found: /has not answered|Completed/,
  },
  {
    name: 'the first command leaves before the finalizer is held',
    parts: decideThen((decision, state) =>
      decision.action?.kind === 'HoldFinalizer' && state.phase !== 'Ended'
        ? doing({ kind: 'Send', stepIndex: 0, direction: 'execute', attempt: 1 })
        : decision,
    ),
    found: /a command left before the finalizer was held/,
  },
  {
    name: 'the finalizer goes before the outcome is stored',
    parts: decideThen((decision, state) =>
      decision.action?.kind === 'RecordOutcome' && state.recorded.finalizer
        ? doing({ kind: 'ReleaseFinalizer' })
        : decision,
    ),
    found: /the finalizer was released before the outcome was stored/,
  },
  {
    name: 'REVOKE leaves before its cause is stored',
    parts: decideThen((decision, state) =>
      decision.action?.kind === 'RecordFailure' && state.phase === 'Revoking'
        ? doing({ kind: 'Send', stepIndex: state.plan.pivotIndex, direction: 'revoke', attempt: 1 })
        : decision,
    ),
    found: /REVOKE left before the failure was stored/,
  },
  {
    name: 'the provider is called before the intent is committed',
    parts: { shell: { ...realParts.shell, intentFirst: false } },
    found: /the provider acts under an empty place|keeps the money/,
  },
  {
    name: 'the transaction after the call does not look at the row again',
    parts: { shell: { ...realParts.shell, decidesAgain: false } },
    found: /committed|Compensated|money/,
  },
  {
    name: 'an undo takes an unconfirmed payment for settled',
    parts: {
      nextSettleMove: (payment, refunds) =>
        payment.phase === 'unconfirmed'
          ? { kind: 'settled', refundedCents: 0 }
          : nextSettleMove(payment, refunds),
    },
    found: /keeps the money/,
  },
  {
    name: 'writes carry no resourceVersion',
    parts: { shell: { ...realParts.shell, writesWithVersion: false } },
    change: { people: new Set(['delete']) },
    found: /Compensated, and the row of the pivot is empty/,
  },
  {
    name: 'nothing is asked again after a timeout',
    parts: {
      evolve: (state, fact, nowMillis) =>
        fact.kind === 'TimePassed' && state.phase === 'Revoking' ? state : evolve(state, fact, nowMillis),
    },
    change: { providerStep: null, losses: true, operators: 1 },
    found: /no end can be reached/,
  },
  {
    name: 'a revoke that is answered PivotPassed goes nowhere',
    parts: {
      evolve: (state, fact, nowMillis) =>
        fact.kind === 'ReplyArrived' && fact.outcome === 'PivotPassed'
          ? state
          : evolve(state, fact, nowMillis),
    },
    found: /no end can be reached/,
  },
  {
    name: 'a no behind the pivot is undone',
    parts: evolveThen((next, fact) =>
      fact.kind === 'ReplyArrived' && fact.outcome === 'Rejected' && next.phase === 'Forward'
        ? { ...next, phase: 'Undoing', call: callOf(next, 'compensate', 0) }
        : next,
    ),
    change: { rejecting: ['n'] },
    found: /before the revoke was acknowledged/,
  },
  {
    name: 'abandon-step does not end what waits for it',
    parts: {
      evolve: (state, fact, nowMillis) =>
        evolve(
          state,
          fact.kind === 'ObjectObserved' ? { ...fact, wishes: { ...fact.wishes, abandon: null } } : fact,
          nowMillis,
        ),
      restore: (plan, wishes, ...rest) => restore(plan, { ...wishes, abandon: null }, ...rest),
    },
    change: { providerStep: null, rejecting: ['n'], abandonable: ['n'] },
    found: /no end can be reached/,
  },
  {
    name: 'the same is recorded for ever',
    parts: decideThen((decision, state) =>
      decision.action === null && state.phase === 'Ended' ? doing({ kind: 'RecordOutcome' }) : decision,
    ),
    found: /hot loop/,
  },
  {
    name: 'a command is sent for ever',
    parts: decideThen((decision, state) =>
      decision.action === null && state.phase === 'Revoking'
        ? doing({ kind: 'Send', stepIndex: state.plan.pivotIndex, direction: 'revoke', attempt: 1 })
        : decision,
    ),
    found: /hot loop/,
  },
];

describe('the search of small scopes', { timeout: 60_000 }, () => {
  it('finds nothing in the product, and an end from everywhere', () => {
    const result = search();
    expect(result.problem).toBeNull();
    expect(result).toMatchObject({ withoutEnd: 0, waitingForPerson: 0 });
    expect(result.ends).toBeGreaterThan(0);
  });

  it('comes to the same states each time', () => {
    const [first, second] = [search(), search()];
    expect([second.states, second.transitions]).toEqual([first.states, first.transitions]);
  });

  it('says which states can only be ended by a person', () => {
    const result = search({ rejecting: ['n'] });
    expect(result.problem).toBeNull();
    expect(result.waitingForPerson).toBeGreaterThan(0);
    const helped = search({ providerStep: null, rejecting: ['n'], abandonable: ['n'], operators: 1 });
    expect(helped).toMatchObject({ problem: null, waitingForPerson: 0, withoutEnd: 0 });
  });

  it.each([
    { maxAttempts: 2, reconnects: true, progress: true },
    { rejecting: ['n'], abandonable: ['n'], providerStep: null, operators: 1 },
    { people: new Set(['suspend', 'delete'] as const), providerStep: null, operators: 1 },
  ] satisfies readonly Partial<Configuration>[])('leaves out only what the core cannot see: %o', (change) => {
    const model = new SagaModel({ ...commonScope, ...small, ...change }, realParts, true);
    expect(explore(model, 1_000_000).problem).toBeNull();
  });

  it.each(mutants)('finds: $name', ({ parts, change, found }) => {
    const { problem } = search(change, parts);
    expect(problem?.what ?? 'nothing').toMatch(found);
    expect(problem?.path.length).toBeGreaterThan(1);
  });
});
