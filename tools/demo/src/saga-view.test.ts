import { describe, expect, it } from 'vitest';
import { conditionChanges, type SagaView, sagaViewSchema } from './saga-view.ts';

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

const progressing: Condition = {
  type: 'Progressing',
  status: 'True',
  reason: 'StepRunning',
  message: 'step 1 of 4',
};
const stalled: Condition = { type: 'Stalled', status: 'False', reason: 'StepRunning', message: '' };

const sagaWith = (...conditions: readonly Condition[]): SagaView =>
  sagaViewSchema.parse({
    metadata: { name: 'order-1', namespace: 'shop', creationTimestamp: '2026-01-02T03:04:05Z' },
    spec: { order: { id: 'order-1' } },
    status: { conditions },
  });

describe('what moved between two looks at a saga', () => {
  it('is every condition at the first look', () => {
    expect(conditionChanges(undefined, sagaWith(progressing, stalled))).toEqual([
      { saga: 'order-1', ...progressing },
      { saga: 'order-1', ...stalled },
    ]);
  });

  it('is a condition whose status or reason is another, and no other one', () => {
    const turned = { ...progressing, reason: 'Compensating' };
    const stuck = { ...stalled, status: 'True' };
    const before = sagaWith(progressing, stalled);
    expect(conditionChanges(before, sagaWith(turned, stalled))).toEqual([{ saga: 'order-1', ...turned }]);
    expect(conditionChanges(before, sagaWith(progressing, stuck))).toEqual([{ saga: 'order-1', ...stuck }]);
  });

  it('is nothing when only a message is another', () => {
    const next = { ...progressing, message: 'step 2 of 4' };
    expect(conditionChanges(sagaWith(progressing), sagaWith(next))).toEqual([]);
  });

  it('is nothing for a saga that has no status yet', () => {
    const { metadata, spec } = sagaWith();
    expect(conditionChanges(undefined, sagaViewSchema.parse({ metadata, spec }))).toEqual([]);
  });
});
