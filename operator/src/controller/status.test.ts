import { orderSagaStatusSchema } from '@sagamesh/contracts/order-saga';
import type { OrderSagaStatus } from '@sagamesh/contracts/order-saga';
import { describe, expect, it } from 'vitest';
import { mergePatch } from '../kube/testing/fake-objects.ts';
import { restore } from '../saga/restore.ts';
import type { SagaState } from '../saga/state.ts';
import { checkpointOf as checkpointOfState, nothingRecorded } from '../saga/testing/plans.ts';
import { given } from '../saga/testing/story.ts';
import { checkpointOf } from './checkpoint.ts';
import { whenToWrite } from './status-cadence.ts';
import { projectStatus, statusPatch } from './status-projection.ts';

const now = Date.UTC(2026, 0, 1);
const project = (state: SagaState, stored: OrderSagaStatus = {}) => projectStatus(state, 3, stored, now);
const midway = () =>
  given()
    .until('execute', 'b')
    .reply('Executed', { result: { reservationId: 'r-1' } })
    .run();
const turned = () =>
  given().until('execute', 'b').reply('Rejected', { reason: 'OutOfStock', message: 'none left' });

describe('the projection', () => {
  it('shows where a running saga is', () => {
    expect(project(midway().state)).toMatchObject({
      observedGeneration: 3,
      currentStep: 'p',
      progress: '2/4',
      results: { reservationId: 'r-1' },
      startedAt: '1970-01-01T00:16:40.000Z',
    });
    expect(project(midway().state)).not.toHaveProperty('outcome');
  });

  it('names the first open step after a restart, although the first steps are asked again', () => {
    const story = midway().restart({ saved: true }).run();
    expect(story.where).toBe('execute a: reply');
    expect(project(story.state).currentStep).toBe('p');
  });

  it('leaves standing what another operator knows already, so that two of them do not overwrite each other for ever', () => {
    const ahead = project(midway().until('execute', 'p').state);
    const behind = project(given().until('execute', 'a').state, ahead);
    expect(behind.steps).toEqual(ahead.steps);
    expect(behind).toMatchObject({ currentStep: 'p', progress: '2/4' });
    expect(whenToWrite(ahead, behind, 0, now)).toEqual({ kind: 'never' });
  });

  it('goes back only where the pivot turned out to be taken, or a no behind it is asked again', () => {
    const asked = project(turned().until('revoke', 'p').state);
    const passed = turned().until('revoke', 'p').reply('PivotPassed');
    expect(project(passed.state, asked).steps?.[2]?.state).toBe('Done');
    const refused = given().until('execute', 'n').reply('Rejected', { reason: 'No', message: 'no' });
    const stored = project(refused.state);
    expect(stored.steps?.[3]?.state).toBe('Rejected');
    expect(project(refused.wake().run().state, stored).steps?.[3]?.state).toBe('Running');
  });

  it('cuts a message without cutting a character', () => {
    const message = `${'x'.repeat(255)}😀`;
    const story = given().until('execute', 'a').reply('Failed', { reason: 'Down', message });
    expect(project(story.state).steps?.[0]?.message).toBe('x'.repeat(255));
  });

  it.each([
    ['running', midway],
    ['turned round', turned],
    ['being undone', () => turned().until('compensate', 'a')],
    [
      'failing',
      () => given().until('execute', 'a').reply('Failed', { reason: 'Down', message: 'no database' }),
    ],
  ] as const)('of a saga that is %s survives the way through the API server and back', (_name, story) => {
    const { state, nowMillis } = story();
    const wire: unknown = JSON.parse(JSON.stringify(statusPatch(project(state), {})));
    const stored = orderSagaStatusSchema.parse(wire);
    const recorded = { ...nothingRecorded, finalizer: true, failure: stored.failure ?? null };
    const back = restore(state.plan, state.wishes, recorded, checkpointOf(stored), nowMillis);
    // Of what may have been sent, the finalizer tells more than the checkpoint (law 3).
    expect(back.steps).toMatchObject(
      checkpointOfState(state).steps.map(({ name: _name, ...record }) => record),
    );
    expect(back.results).toEqual(state.results);
    expect(back.startedAtMillis).toBe(state.startedAtMillis);
    expect(back.failure).toEqual(state.failure);
    expect(back.phase).toBe(state.failure ? 'Revoking' : 'Forward');
  });

  it('keeps abandonments and the end', () => {
    const story = turned().until('compensate', 'a').reply('Failed', { reason: 'Down' });
    story.wish({ abandon: { step: 'a', by: 'ada' } }).run();
    const stored = orderSagaStatusSchema.parse(JSON.parse(JSON.stringify(project(story.state))));
    expect(stored.outcome).toBe('Abandoned');
    expect(stored).not.toHaveProperty('currentStep');
    expect(checkpointOf(stored).abandoned).toEqual(story.state.abandoned);
    expect(checkpointOf(stored).finishedAtMillis).toBe(story.ended.finishedAtMillis);
  });
});

describe('the merge patch', () => {
  const merged = (projected: OrderSagaStatus, stored: OrderSagaStatus) =>
    mergePatch(stored, JSON.parse(JSON.stringify(statusPatch(projected, stored))));

  it('turns what is stored into what is projected, whatever was there', () => {
    const before = project(midway().state);
    const after = project(turned().until('compensate', 'a').state, before);
    expect(merged(after, before)).toEqual(after);
    expect(merged(before, after)).toEqual(before);
    expect(merged(after, {})).toEqual(after);
  });

  it('removes a failure that turned out to be none, and the current step at the end', () => {
    const stored = { failure: { step: 'a', reason: 'x', message: '' }, currentStep: 'a' };
    expect(statusPatch({ progress: '1/4' }, stored)).toEqual({
      progress: '1/4',
      failure: null,
      currentStep: null,
    });
  });

  it('removes single results, and all of them', () => {
    const stored = { results: { paymentId: 'p', constructor: 'c', reservationId: 'r' } };
    const results = { reservationId: 'r2' };
    expect(merged({ results }, stored)).toEqual({ results });
    expect(merged({}, stored)).toEqual({});
  });
});

describe('when to write', () => {
  const stored = project(given().until('execute', 'a').state);
  const due = (projected: OrderSagaStatus, last = 0, at = 10_000, before = stored) =>
    whenToWrite(before, projected, last, at);

  it('the first one at once', () => {
    expect(due(stored, 9_999, 10_000, {})).toEqual({ kind: 'now', cause: 'first' });
    expect(due(stored, 9_999, 10_000, { conditions: [] })).toEqual({ kind: 'now', cause: 'first' });
  });

  it('nothing when nothing changed, or only words did', () => {
    expect(due(stored)).toEqual({ kind: 'never' });
    const words = stored.conditions?.map((condition) => ({ ...condition, message: 'other' }));
    expect(due({ ...stored, ...(words ? { conditions: words } : {}) })).toEqual({ kind: 'never' });
  });

  it('a condition, a generation, a cause or an abandonment at once', () => {
    const conditions = stored.conditions?.map((condition) => ({ ...condition, reason: 'Suspended' })) ?? [];
    const failure = { step: 'a', reason: 'x', message: '' };
    const gone = [{ step: 'a', direction: 'execute' as const, by: 'ada', at: '2026-01-01T00:00:00Z' }];
    for (const change of [{ conditions }, { observedGeneration: 4 }, { failure }, { abandoned: gone }]) {
      expect(due({ ...stored, ...change }, 9_999)).toEqual({ kind: 'now', cause: 'condition' });
    }
  });

  it('a step that moved on at most once a second', () => {
    const moved = { ...stored, currentStep: 'b' };
    expect(due(moved, 9_000)).toEqual({ kind: 'now', cause: 'transition' });
    expect(due(moved, 9_001)).toEqual({ kind: 'later', atMillis: 10_001 });
  });

  it('a step that is in another state, a result or a beginning as one that moved on', () => {
    const [first, ...rest] = stored.steps ?? [];
    const steps = first === undefined ? [] : [{ ...first, state: 'Skipped' as const }, ...rest];
    const started = { startedAt: '2026-01-01T00:00:09Z' };
    for (const change of [
      { steps },
      { steps: rest },
      { results: { id: 'r-1' } },
      { progress: '1/4' },
      started,
    ]) {
      expect(due({ ...stored, ...change })).toEqual({ kind: 'now', cause: 'transition' });
    }
  });

  it('attempts alone at 1, 2, 4, 8, ...', () => {
    const withAttempts = (attempts: number): OrderSagaStatus => ({
      ...stored,
      steps: stored.steps?.map((step, index) => (index === 0 ? { ...step, attempts } : step)),
    });
    let before = withAttempts(0);
    const written: number[] = [];
    for (let attempts = 1; attempts <= 40; attempts += 1) {
      if (due(withAttempts(attempts), 0, 10_000, before).kind !== 'now') continue;
      written.push(attempts);
      before = withAttempts(attempts);
    }
    expect(written).toEqual([1, 2, 4, 8, 16, 32]);
  });
});
