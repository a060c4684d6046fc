import { conditionSchema } from '@sagamesh/contracts/order-saga';
import { failureReasons } from '@sagamesh/contracts/reasons';
import { describe, expect, it } from 'vitest';
import { planWith } from '../saga/testing/plans.ts';
import { given } from '../saga/testing/story.ts';
import type { Story } from '../saga/testing/story.ts';
import { conditionsFrom, verdictOf, verdictOfInvalid } from './conditions.ts';
import type { Verdict } from './conditions.ts';

/** Fails, or stays silent, until people must look: the plan allows three attempts, an undo twice as many. */
function untilStuck(story: Story): Story {
  for (let count = 0; count < 30; count += 1) {
    story.run();
    if (story.where.endsWith('stuck')) return story;
    if (story.open.call.wait.kind === 'reply')
      story.reply('Failed', { reason: 'Down', message: 'no database' });
    else story.wake();
  }
  throw new Error(`never stuck: ${story.where}`);
}

const declined = () => given().until('execute', 'b').reply('Rejected', { reason: 'OutOfStock' });
const toTheEnd = (story: Story): Story => {
  for (let count = 0; count < 20; count += 1) {
    story.run();
    if (story.state.phase === 'Ended') return story;
    story.reply(
      ({ execute: 'Executed', compensate: 'Compensated', revoke: 'Revoked' } as const)[
        story.open.call.direction
      ],
    );
  }
  throw new Error('never ended');
};
const abandoned = () => {
  const story = untilStuck(declined().until('compensate', 'a'));
  return toTheEnd(story.wish({ abandon: { step: 'a', by: 'ada' } }));
};

/** Row, story, then Succeeded, Ready, Reconciling, Stalled and the reason. The table of the operator's documents. */
const rows: readonly (readonly [string, () => Verdict, string])[] = [
  ['accepted', () => verdictOf(given().state), 'Unknown False True False StepRunning'],
  ['running', () => verdictOf(given().until('execute', 'b').state), 'Unknown False True False StepRunning'],
  [
    'past the pivot',
    () => verdictOf(given().until('execute', 'n').state),
    'Unknown False True False StepRunning',
  ],
  [
    'suspended',
    () => verdictOf(given({ wishes: { suspend: true } }).run().state),
    'Unknown False False False Suspended',
  ],
  [
    'suspended while a step is under way: that one goes on',
    () => verdictOf(given().until('execute', 'a').wish({ suspend: true }).state),
    'Unknown False True False StepRunning',
  ],
  ['done', () => verdictOf(toTheEnd(given()).state), 'True True False False Completed'],
  ['revoking', () => verdictOf(declined().run().state), 'Unknown False True False Compensating'],
  [
    'compensating',
    () => verdictOf(declined().until('compensate', 'a').state),
    'Unknown False True False Compensating',
  ],
  ['compensated', () => verdictOf(toTheEnd(declined()).state), 'False False False True Compensated'],
  [
    'an undo past its budget',
    () => verdictOf(untilStuck(declined().until('compensate', 'a')).state),
    'Unknown False False True CompensationStuck',
  ],
  [
    'a revoke past its budget',
    () => verdictOf(untilStuck(declined()).state),
    'Unknown False False True RevokeStuck',
  ],
  [
    'a step after the pivot that fails past its budget',
    () => verdictOf(untilStuck(given().until('execute', 'n')).state),
    'Unknown False False True StepStuck',
  ],
  [
    'a step after the pivot that says no',
    () => verdictOf(given().until('execute', 'n').reply('Rejected', { reason: 'NotReserved' }).state),
    'Unknown False False True StepStuck',
  ],
  [
    'healed after it was stuck',
    () => verdictOf(untilStuck(declined()).wake().run().reply('Revoked').run().state),
    'Unknown False True False Compensating',
  ],
  [
    'a service without a consumer',
    () => verdictOf(given({ missing: [['saga.cmd.fake.do']] }).run().state),
    'Unknown False True False ServiceUnknown',
  ],
  [
    'cancelling',
    () => verdictOf(given().until('execute', 'b').wish({ cancel: true }).state),
    'Unknown False True False Cancelling',
  ],
  [
    'deleting',
    () => verdictOf(given().until('execute', 'b').wish({ deleting: true }).state),
    'Unknown False True False Deleting',
  ],
  [
    'deleting past the pivot',
    () => verdictOf(given().until('execute', 'n').wish({ deleting: true }).state),
    'Unknown False True False Deleting',
  ],
  [
    'past its deadline',
    () => verdictOf(given().until('execute', 'b').pass(300_000).state),
    'Unknown False True False Compensating',
  ],
  [
    'cancelled, undone',
    () => verdictOf(toTheEnd(given().until('execute', 'b').wish({ cancel: true })).state),
    'False False False True Compensated',
  ],
  ['abandoned by hand', () => verdictOf(abandoned().state), 'False False False True Abandoned'],
  ['invalid spec', () => verdictOfInvalid('spec.steps: no pivot'), 'False False False True InvalidSpec'],
];

describe.each(rows)('%s', (_name, verdict, expected) => {
  it('shows as in the table', () => {
    const { succeeded, ready, reconciling, stalled, reason } = verdict();
    expect([succeeded, ready, reconciling, stalled, reason].join(' ')).toBe(expected);
  });

  it('keeps the laws of kstatus', () => {
    const { succeeded, ready, reconciling, stalled, message } = verdict();
    expect([reconciling, stalled]).not.toEqual(['True', 'True']);
    const terminal = { False: 'False False True', True: 'True False False', Unknown: null }[succeeded];
    expect(terminal ?? `${ready} ${reconciling} ${stalled}`).toBe(`${ready} ${reconciling} ${stalled}`);
    expect(message).not.toBe('');
  });
});

describe('messages', () => {
  it('name the step and the trouble when people must look', () => {
    const { message } = verdictOf(untilStuck(declined().until('compensate', 'a')).state);
    expect(message).toBe('a: Down: no database; still trying');
  });

  it('name the cause while undoing and afterwards', () => {
    expect(verdictOf(declined().state).message).toContain('b: OutOfStock');
    expect(verdictOf(toTheEnd(declined()).state).message).toContain('b: OutOfStock');
    const late = given().until('execute', 'b').pass(300_000);
    expect(verdictOf(late.state).message).toContain(failureReasons.DeadlineExceeded);
  });

  it('name what is missing', () => {
    const { message } = verdictOf(given({ missing: [['saga.cmd.fake.do']] }).run().state);
    expect(message).toContain('nobody reads saga.cmd.fake.do');
  });

  it('name whom nothing was heard from', () => {
    const story = given({ plan: planWith({ maxAttempts: 1 }) }).until('execute', 'n');
    for (let count = 0; count < 8; count += 1) story.wake().run();
    expect(verdictOf(story.state).message).toContain('n: StepTimedOut');
  });

  it('say to whom a deleted object with an unreadable plan looks, however long the problem is', () => {
    const { message } = verdictOfInvalid('x'.repeat(300), true);
    expect(message).toHaveLength(256);
    expect(message).toMatch(/^x+; steps may have been sent.*remove it$/);
  });
});

describe('conditions', () => {
  const running = verdictOf(given().state);
  const first = conditionsFrom(running, undefined, 1, 1_000);

  it('come in one order and fit the schema', () => {
    expect(first.map((condition) => condition.type)).toEqual([
      'Succeeded',
      'Ready',
      'Reconciling',
      'Stalled',
    ]);
    for (const condition of first) expect(conditionSchema.parse(condition)).toEqual(condition);
  });

  it('move lastTransitionTime only where the status moved', () => {
    const suspended = verdictOf(given({ wishes: { suspend: true } }).run().state);
    const times = conditionsFrom(suspended, first, 2, 9_000).map((condition) => condition.lastTransitionTime);
    const [before, now] = ['1970-01-01T00:00:01.000Z', '1970-01-01T00:00:09.000Z'];
    expect(times).toEqual([before, before, now, before]);
  });

  it('carry the generation and the new words even when no status moved', () => {
    const later = conditionsFrom({ ...running, message: 'other' }, first, 7, 9_000);
    expect(later.map(({ observedGeneration, message }) => [observedGeneration, message])).toEqual(
      Array.from({ length: 4 }, () => [7, 'other']),
    );
  });

  it('are bounded, and never end in half a character', () => {
    const [condition] = conditionsFrom({ ...running, message: `${'x'.repeat(255)}😀` }, undefined, 1, 0);
    expect(condition?.message).toBe('x'.repeat(255));
    const [whole] = conditionsFrom({ ...running, message: `${'x'.repeat(254)}😀y` }, undefined, 1, 0);
    expect(whole?.message).toBe(`${'x'.repeat(254)}😀`);
  });
});
