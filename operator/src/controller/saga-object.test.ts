import { describe, expect, it } from 'vitest';
import type { StoreChange } from '../kube/store.ts';
import { wishesOf } from './checkpoint.ts';
import { SagaMemory } from './saga-memory.ts';
import { toSagaObject } from './saga-object.ts';
import type { SagaObject } from './saga-object.ts';
import { openContent, rawSaga, sagaObject, sagaUid, storedSpec } from './testing/sagas.ts';
import { createWaker } from './wake.ts';
import { planOf } from '../saga/plan.ts';

const ended = { outcome: 'Completed', finishedAt: '2026-01-01T00:00:10Z', observedGeneration: 1 } as const;

describe('an OrderSaga as it is cached', () => {
  it('is open with its spec and status', () => {
    const { spec, status } = openContent(sagaObject({ status: { progress: '1/4' } }));
    expect([spec.order.id, status.progress]).toEqual(['order-1', '1/4']);
  });

  it('keeps of its metadata what is looked at, and nothing else', () => {
    const annotations = { 'sagamesh.dev/abandon-step': 'charge', 'example.org/blob': 'x'.repeat(10_000) };
    const { metadata } = sagaObject({ metadata: { annotations, labels: { a: 'b' }, managedFields: [{}] } });
    expect(metadata).toEqual({
      name: 'order-1',
      namespace: 'shop',
      uid: sagaUid,
      resourceVersion: '100',
      generation: 1,
      creationTimestamp: '2026-01-01T00:00:00Z',
      annotations: { 'sagamesh.dev/abandon-step': 'charge' },
    });
  });

  it.each([
    ['the same object in the same generation: taken over', {}, true],
    ['another generation: read anew', { generation: 2 }, false],
    ['another object of that name: read anew', { uid: 'another' }, false],
  ])('reads the spec only when it may have changed: %s', (_name, metadata, isTakenOver) => {
    const known = sagaObject();
    const now = toSagaObject(rawSaga({ metadata, spec: storedSpec({ suspend: true }) }), known);
    expect(openContent(now).spec === openContent(known).spec).toBe(isTakenOver);
    expect(openContent(now).spec.suspend).toBe(!isTakenOver);
  });

  it('shrinks to a few values when all is said and done', () => {
    expect(sagaObject({ status: ended }).content).toEqual({
      kind: 'ended',
      cancel: false,
      completed: true,
      expiresAtMillis: Date.UTC(2026, 0, 1, 0, 0, 10) + 86_400_000,
      outdated: null,
    });
  });

  it('is open as long as our finalizer is on it, whatever its outcome', () => {
    const metadata = { finalizers: ['sagamesh.dev/compensate'] };
    expect(sagaObject({ metadata, status: ended }).content.kind).toBe('open');
    expect(sagaObject({ metadata: { finalizers: ['other/one'] }, status: ended }).content.kind).toBe('ended');
  });

  it('without a time of its end expires counted from its creation, not never', () => {
    const { content } = sagaObject({ status: { outcome: 'Completed' } });
    expect(content).toMatchObject({ kind: 'ended', expiresAtMillis: Date.UTC(2026, 0, 2) });
  });

  it('stays ended when its spec cannot be read any more', () => {
    const { content } = sagaObject({ spec: { order: 'of another version' }, status: ended });
    expect(content).toMatchObject({ kind: 'ended', completed: true });
  });

  it.each([
    ['no spec', undefined, 'spec.'],
    ['a spec that is no object', 'text', 'spec.'],
    ['a broken field', { ...storedSpec(), deadlineSeconds: 0 }, 'spec.deadlineSeconds'],
  ])('with %s is invalid, and says where', (_name, spec, where) => {
    const { content } = sagaObject({ spec });
    expect(content).toMatchObject({ kind: 'invalid', problem: expect.stringContaining(where) });
  });

  it('bounds what it says about the problem', () => {
    const settings = Object.fromEntries(
      Array.from({ length: 20 }, (_, index) => [`k${index}`.padEnd(400, 'x'), '']),
    );
    const step = { name: 'a', service: 's', execute: 'e', pivot: true, with: settings };
    const { content } = sagaObject({ spec: { ...storedSpec(), steps: [step] } });
    expect(content.kind === 'invalid' && content.problem.length).toBeLessThanOrEqual(256);
  });

  it.each([null, 'text', 7, []])('takes a status of %j for an empty one', (status) => {
    expect(openContent(sagaObject({ status })).status).toEqual({});
  });

  it('keeps what can be read of a status that another version wrote: the outcome is final, a cause stays recorded', () => {
    const failure = { step: 'charge', reason: 'CardDeclined', message: '' };
    const steps = [{ name: 'charge', state: 'StateOfTheFuture', attempts: 1 }];
    const { status } = openContent(sagaObject({ status: { failure, steps, extra: 1 } }));
    expect(status).toEqual({ failure });
    expect(sagaObject({ status: { ...ended, steps } }).content.kind).toBe('ended');
  });
});

describe('wishes', () => {
  const wishes = (annotations: Record<string, string>) => {
    const object = sagaObject({ metadata: { annotations } });
    return wishesOf(object, openContent(object).spec);
  };

  it('name the step to give up, and who says so', () => {
    const given = wishes({ 'sagamesh.dev/abandon-step': 'charge', 'sagamesh.dev/abandoned-by': 'ada' });
    expect(given.abandon).toEqual({ step: 'charge', by: 'ada' });
    expect(wishes({ 'sagamesh.dev/abandon-step': 'charge' }).abandon?.by).toContain('not stated');
    expect(wishes({ 'sagamesh.dev/abandon-step': '' }).abandon).toBeNull();
    expect(wishes({}).abandon).toBeNull();
  });

  it('bound the name of who says so by whole characters', () => {
    const by = `${'x'.repeat(127)}😀`;
    const given = wishes({ 'sagamesh.dev/abandon-step': 'charge', 'sagamesh.dev/abandoned-by': by });
    expect(given.abandon?.by).toBe('x'.repeat(127));
  });
});

describe('the memory of sagas', () => {
  it('holds one entry per object, and none of an earlier one under the same name', () => {
    const memory = new SagaMemory();
    const check = planOf(storedSpec());
    if (check.kind === 'invalid') throw new Error(check.problem);
    const { plan } = check;
    const later = sagaObject({ metadata: { uid: '0b5a7c1e-7d52-4c39-9f0e-2f4f1d1f0a12' } });
    const [first, same, other] = [sagaObject(), sagaObject(), later].map((object) =>
      memory.open('k', object, openContent(object), plan, 0),
    );
    expect(same).toBe(first);
    expect(other?.uid).toBe(later.metadata.uid);
    expect(memory.size).toBe(1);
  });
});

describe('what wakes us', () => {
  type Updated = Extract<StoreChange<SagaObject>, { kind: 'updated' }>;
  const open = sagaObject();
  const done = sagaObject({ status: ended });
  const cancelled = sagaObject({ status: ended, spec: storedSpec({ cancel: true }) });

  function watched() {
    const woken: string[] = [];
    const told: string[] = [];
    const memory = new SagaMemory();
    const wake = createWaker(
      { add: (key, priority = 'normal') => void woken.push(`${key} ${priority}`) },
      memory,
      { tell: (_object, lines) => void told.push(...lines.map((line) => line.reason)) },
    );
    return { woken, told, memory, wake };
  }
  const updated = (change: Partial<Updated>): Updated => ({
    kind: 'updated',
    key: 'k',
    object: open,
    previous: open,
    source: 'watch',
    initial: false,
    ...change,
  });

  it('a new object; the first list waits behind it', () => {
    const { wake, woken } = watched();
    wake({ kind: 'added', key: 'k', object: open, source: 'list', initial: true });
    wake({ kind: 'added', key: 'k', object: open, source: 'watch', initial: false });
    expect(woken).toEqual(['k low', 'k normal']);
  });

  it('a change by others, whatever they changed, and none of our own', () => {
    const { wake, woken } = watched();
    wake(updated({ source: 'write' }));
    expect(woken).toEqual([]);
    wake(updated({ source: 'watch' }));
    wake(updated({ source: 'list' }));
    expect(woken).toEqual(['k normal', 'k normal']);
  });

  it('not a deletion: that only ends our memory of it', () => {
    const { wake, woken, memory } = watched();
    const check = planOf(storedSpec());
    if (check.kind === 'invalid') throw new Error(check.problem);
    memory.open('k', open, openContent(open), check.plan, 0);
    wake({ kind: 'deleted', key: 'k', object: open, source: 'watch', initial: false });
    expect([woken, memory.size]).toEqual([[], 0]);
  });

  it('answers a cancel after the end, once, and only of a saga that succeeded', () => {
    const { wake, told } = watched();
    wake(updated({ previous: done, object: cancelled }));
    wake(updated({ previous: cancelled, object: cancelled }));
    const failed = { ...ended, outcome: 'Compensated' };
    wake(
      updated({
        previous: sagaObject({ status: failed }),
        object: sagaObject({ status: failed, spec: storedSpec({ cancel: true }) }),
      }),
    );
    expect(told).toEqual(['CancelTooLate']);
  });
});
