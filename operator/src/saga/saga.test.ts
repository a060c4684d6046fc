import { directionSchema, replyOutcomeSchema } from '@sagamesh/contracts/messages';
import type { ReplyOutcome } from '@sagamesh/contracts/messages';
import { resultsMax } from '@sagamesh/contracts/bounded-text';
import { describe, expect, it } from 'vitest';
import { given } from './testing/story.ts';
import type { Story } from './testing/story.ts';
import { planWith } from './testing/plans.ts';

/** The places at which a saga a, b, p (pivot), n can wait for an answer. */
const places = {
  'execute a': () => given().until('execute', 'a'),
  'execute b': () => given().until('execute', 'b'),
  'execute p': () => given().until('execute', 'p'),
  'execute n': () => given().until('execute', 'n'),
  'revoke p': () => given().until('execute', 'b').reply('Rejected').until('revoke', 'p'),
  'compensate b': () => given().until('execute', 'b').reply('Rejected').until('compensate', 'b'),
  'compensate a': () => given().until('execute', 'b').reply('Rejected').until('compensate', 'a'),
} as const satisfies Record<string, () => Story>;
type Place = keyof typeof places;

const answers: readonly (readonly [place: Place, answer: ReplyOutcome, then: string, reason: string])[] = [
  ['execute a', 'Executed', 'execute b: ready', 'the next step follows'],
  ['execute a', 'Rejected', 'revoke p: ready', 'a business no turns the saga round at once'],
  ['execute a', 'Failed', 'execute a: backoff', 'trouble is retried after a pause'],
  ['execute a', 'Fenced', 'revoke p: ready', 'somebody undid this step: it cannot be done any more'],
  ['execute a', 'Mismatch', 'revoke p: ready', 'another request holds this place: asking again cannot help'],
  ['execute b', 'Executed', 'execute p: ready', 'the pivot follows the last step before it'],
  ['execute b', 'Rejected', 'revoke p: ready', 'a business no turns the saga round at once'],
  ['execute b', 'Failed', 'execute b: backoff', 'trouble is retried after a pause'],
  ['execute b', 'Fenced', 'revoke p: ready', 'somebody undid this step: it cannot be done any more'],
  ['execute b', 'Mismatch', 'revoke p: ready', 'another request holds this place: asking again cannot help'],
  ['execute p', 'Executed', 'execute n: ready', 'the saga is committed, and goes on forward'],
  [
    'execute p',
    'Rejected',
    'revoke p: ready',
    'the abort is asked of the pivot even when it said no: one way for all',
  ],
  ['execute p', 'Failed', 'execute p: backoff', 'trouble is retried after a pause'],
  ['execute p', 'Fenced', 'revoke p: ready', 'the pivot was revoked by another operator: abort'],
  ['execute p', 'Mismatch', 'revoke p: ready', 'another request holds this place: ask the register who won'],
  ['execute n', 'Executed', 'Completed', 'the last step was done'],
  [
    'execute n',
    'Rejected',
    'execute n: backoff, stuck',
    'after the pivot nothing is undone: people must look',
  ],
  ['execute n', 'Failed', 'execute n: backoff', 'after the pivot trouble is retried for ever'],
  ['execute n', 'Fenced', 'execute n: backoff, stuck', 'after the pivot nothing is undone: people must look'],
  [
    'execute n',
    'Mismatch',
    'execute n: backoff, stuck',
    'after the pivot nothing is undone: people must look',
  ],
  ['revoke p', 'Revoked', 'compensate b: ready', 'the abort is acknowledged: the undo may start, at the end'],
  ['revoke p', 'PivotPassed', 'execute n: ready', 'the row says executed, and that decides'],
  ['revoke p', 'Failed', 'revoke p: backoff', 'an abort is asked for until it is answered'],
  ['compensate b', 'Compensated', 'compensate a: ready', 'the step before is undone next'],
  ['compensate b', 'NothingToUndo', 'compensate a: ready', 'a tombstone is as good as an undo'],
  ['compensate b', 'Failed', 'compensate b: backoff', 'an undo never gives up'],
  ['compensate a', 'Compensated', 'Compensated', 'everything is undone'],
  ['compensate a', 'NothingToUndo', 'Compensated', 'everything is undone'],
  ['compensate a', 'Failed', 'compensate a: backoff', 'an undo never gives up'],
];

const placeNames = Object.entries(places);

describe('an answer', () => {
  it.each(answers)('to %s of %s leads to "%s": %s', (place, answer, then) => {
    expect(places[place]().reply(answer).where).toBe(then);
  });

  const senseless = placeNames.flatMap(([place, arrive]) =>
    replyOutcomeSchema.options
      .filter((answer) => !answers.some((row) => row[0] === place && row[1] === answer))
      .map((answer) => [place, answer, arrive] as const),
  );
  it.each(senseless)('to %s of %s changes nothing: no service of ours says that', (_, answer, arrive) => {
    const story = arrive();
    const before = story.state;
    expect(story.reply(answer).state).toBe(before);
  });

  it.each(placeNames)(
    'at %s to another question changes nothing: it is late, or for somebody else',
    (_, arrive) => {
      const story = arrive();
      const { state, open } = story;
      for (const outcome of replyOutcomeSchema.options) {
        for (const direction of directionSchema.options) {
          if (direction !== open.call.direction) story.reply(outcome, { direction });
        }
        story.reply(outcome, { step: 'x' });
      }
      expect(story.state).toBe(state);
    },
  );

  it('after the end changes nothing', () => {
    const story = given().until('execute', 'n').reply('Executed').run();
    const { state } = story;
    for (const outcome of replyOutcomeSchema.options) {
      for (const direction of directionSchema.options) {
        const commandId = 'command-1';
        const reply = { kind: 'ReplyArrived', step: 'n', direction, outcome, commandId } as const;
        story.fact({ ...reply, result: { late: 'yes' }, reason: '', message: '' });
      }
    }
    expect(story.state).toBe(state);
  });

  it('that a fence gave to somebody else counts: the row is the same for all', () => {
    const story = given().until('execute', 'a').reply('Executed', { commandId: 'of-another-operator' });
    expect(story.where).toBe('execute b: ready');
  });

  it('of Failed to an earlier attempt is stale: it says nothing about the one under way', () => {
    const story = given().until('execute', 'a').reply('Failed').pass(100).run();
    const { state } = story;
    expect(story.reply('Failed', { commandId: 'command-1' }).state).toBe(state);
  });

  it('of Failed that comes twice costs one attempt', () => {
    const story = given().until('execute', 'a').reply('Failed');
    const { state } = story;
    expect(story.reply('Failed').state).toBe(state);
  });

  it('of a no after the pivot that comes twice does not make the pause longer', () => {
    const story = given().until('execute', 'n').reply('Rejected').pass(50);
    const { state } = story;
    expect(story.reply('Rejected').state).toBe(state);
  });

  it('that comes during a pause is taken: the step is done, whatever went wrong around it', () => {
    expect(given().until('execute', 'a').reply('Failed').reply('Executed').where).toBe('execute b: ready');
  });

  it('brings results, kept for the steps behind and bounded for the status', () => {
    const many = Object.fromEntries(Array.from({ length: resultsMax + 5 }, (_, i) => [`key${i}`, 'x']));
    const story = given()
      .until('execute', 'a')
      .reply('Executed', { result: { paymentId: 'pi-1' } })
      .run();
    expect(story.state.results).toStrictEqual({ paymentId: 'pi-1' });
    story.reply('Executed', { result: { paymentId: 'pi-2', ...many } });
    expect(Object.keys(story.state.results)).toHaveLength(resultsMax);
    expect(story.state.results['paymentId']).toBe('pi-2');
  });

  it('of PivotPassed clears the failure, and what was asked before the pivot counts as done', () => {
    const story = places['revoke p']().reply('PivotPassed', { result: { orderNo: '7' } });
    expect(story.state).toMatchObject({ failure: null, pivotPassed: true, results: { orderNo: '7' } });
    expect(story.stepStates).toBe('Done Done Done Pending');
    expect(story.until('execute', 'n').reply('Executed').where).toBe('Completed');
  });

  it('names its cause: the reason of the service, or ours where it gave none', () => {
    const said = given()
      .until('execute', 'b')
      .reply('Rejected', { reason: 'OutOfStock', message: 'none left' });
    expect(said.state.failure).toStrictEqual({ step: 'b', reason: 'OutOfStock', message: 'none left' });
    expect(given().until('execute', 'b').reply('Rejected').state.failure?.reason).toBe('StepRejected');
    expect(given().until('execute', 'b').reply('Fenced').state.failure?.reason).toBe('StepFenced');
    expect(given().until('execute', 'b').reply('Mismatch').state.failure?.reason).toBe('IdempotencyMismatch');
  });
});

describe('time', () => {
  it('runs out for an attempt after its timeout, not a millisecond before', () => {
    const story = given().until('execute', 'a').pass(9_999);
    expect(story.where).toBe('execute a: reply');
    expect(story.pass(1).where).toBe('execute a: backoff');
    expect(story.open.call.trouble?.reason).toBe('StepTimedOut');
  });

  it('between attempts doubles from initialMillis', () => {
    const story = given({ plan: planWith({ maxAttempts: 5 }) }).until('execute', 'a');
    const pauses = [1, 2, 3, 4].map(() => {
      story.reply('Failed');
      const from = story.nowMillis;
      story.wake().run();
      return story.nowMillis - from;
    });
    expect(pauses).toStrictEqual([100, 200, 400, 800]);
  });

  it('between attempts of an undo grows to a minute and no further, beyond maxMillis', () => {
    const story = places['compensate b']();
    let pause = 0;
    for (let count = 0; count < 14; count += 1) {
      story.reply('Failed');
      const from = story.nowMillis;
      story.wake().run();
      pause = story.nowMillis - from;
    }
    expect(pause).toBe(60_000);
  });

  const budgets = [
    ['execute a', 'revoke p: ready', 'a step before the pivot has a budget'],
    ['execute p', 'revoke p: ready', 'so has the pivot: its revoke tells what became of it'],
  ] as const;
  it.each(budgets)('spends the budget of %s, then "%s": %s', (place, then) => {
    for (const fail of [(story: Story) => story.reply('Failed'), (story: Story) => story.pass(10_000)]) {
      const story = places[place]();
      const attempt = story.open.call.attempt;
      expect(attempt).toBe(1);
      fail(fail(story).wake().run()).wake().run();
      expect(story.open.call.attempt, 'the third attempt is out').toBe(3);
      expect(fail(story).where).toBe(then);
    }
  });

  it('gives each step its own budget', () => {
    const story = given().until('execute', 'a').reply('Failed').wake().run().reply('Failed').wake().run();
    story.reply('Executed').run().reply('Failed').wake().run().reply('Failed');
    expect(story.where).toBe('execute b: backoff');
  });

  const patient = ['execute n', 'revoke p', 'compensate b'] as const;
  it.each(patient)('never makes %s give up; past twice the budget it says that it is stuck', (place) => {
    const story = places[place]();
    for (let count = 0; count < 6; count += 1) story.reply('Failed').wake().run();
    expect(story.where).toBe(`${place}: reply, stuck`);
    for (let count = 0; count < 30; count += 1) story.pass(10_000).wake().run();
    expect(story.where).toBe(`${place}: reply, stuck`);
  });

  it('of a step that healed is forgotten: the next one is not stuck', () => {
    const story = places['compensate b']();
    for (let count = 0; count < 8; count += 1) story.reply('Failed').wake().run();
    expect(story.reply('Compensated').run().where).toBe('compensate a: reply');
  });

  it('that passes before it is asked about changes nothing', () => {
    const story = given().until('execute', 'a');
    const { state } = story;
    expect(story.pass(500).state).toBe(state);
  });
});

describe('the deadline', () => {
  const at = (place: Place) => {
    const story = places[place]();
    return story.pass(300_000 - (story.nowMillis - story.state.startedAtMillis));
  };

  it.each(['execute a', 'execute b', 'execute p'] as const)('turns %s round', (place) => {
    const story = at(place);
    expect(story.where).toBe('revoke p: ready');
    expect(story.state.failure?.reason).toBe('DeadlineExceeded');
  });

  it('does not count from the pivot on', () => {
    expect(at('execute n').where).toBe('execute n: backoff');
  });

  it('turns a suspended saga round, and wakes it for that', () => {
    const story = given({ wishes: { suspend: true, deadlineSeconds: 5 } });
    expect(story.run().log).toStrictEqual([]);
    expect(story.wake().nowMillis).toBe(1_005_000);
    expect(story.where).toBe('Compensated');
  });

  it('is not waited for while an attempt is out: the wake-up is the earlier of both', () => {
    const story = given({ wishes: { deadlineSeconds: 5 } })
      .until('execute', 'a')
      .wake();
    expect(story.nowMillis).toBe(1_005_000);
    expect(story.where).toBe('revoke p: ready');
  });

  it('that has passed when the process starts turns the saga round before anything is sent', () => {
    const startedAtMillis = 1_000;
    const story = given({ recorded: { finalizer: true }, checkpoint: { startedAtMillis } }).run();
    expect(story.log).toStrictEqual(['RecordFailure', 'revoke p']);
  });

  it('loses against the answer of the pivot that arrives in the same instant', () => {
    const story = given().until('execute', 'p');
    story.nowMillis += 300_000;
    expect(story.reply('Executed').where).toBe('execute n: ready');
  });
});

describe('suspend', () => {
  it('holds back a step that was not sent', () => {
    const story = given().until('execute', 'a').wish({ suspend: true }).reply('Executed').run();
    expect(story.where).toBe('execute b: ready');
    expect(story.log).not.toContain('execute b');
    expect(story.wish({ suspend: false }).run().where).toBe('execute b: reply');
  });

  it('does not hold back the retry of a step that was sent', () => {
    const story = given().until('execute', 'b').wish({ suspend: true }).reply('Failed').wake().run();
    expect(story.where).toBe('execute b: reply');
  });

  it('holds back a step after the pivot, with nothing to wake up for', () => {
    const story = given().until('execute', 'p').wish({ suspend: true }).reply('Executed').run();
    expect(story.where).toBe('execute n: ready');
    expect(() => story.wake()).toThrow('does not want to be woken');
  });

  it('does not hold up the undo', () => {
    const story = places['revoke p']()
      .wish({ suspend: true })
      .reply('Revoked')
      .run()
      .reply('Compensated')
      .run();
    expect(story.where).toBe('compensate a: reply');
  });

  it('does not hold up a cancel', () => {
    const story = given()
      .until('execute', 'a')
      .wish({ suspend: true })
      .reply('Executed')
      .wish({ cancel: true });
    expect(story.run().where).toBe('revoke p: reply');
  });

  it('does not hold up a delete, before the pivot and after it', () => {
    const before = given().until('execute', 'a').wish({ suspend: true, deleting: true }).run();
    expect(before.where).toBe('revoke p: reply');
    const after = given().until('execute', 'p').wish({ suspend: true }).reply('Executed').run();
    expect(after.wish({ deleting: true }).run().where).toBe('execute n: reply');
  });

  it('after a restart asks again what was sent, and stops at what was not', () => {
    const story = given().until('execute', 'b').wish({ suspend: true }).restart({ saved: true }).run();
    expect(story.reply('Executed').run().reply('Executed').run().log).toStrictEqual([
      'execute a',
      'execute b',
    ]);
    expect(story.where).toBe('execute p: ready');
  });
});

describe('cancel and delete', () => {
  const wishes = [
    [{ cancel: true }, 'Cancelled'],
    [{ deleting: true }, 'Deleted'],
  ] as const;

  for (const [wish, reason] of wishes) {
    it.each(['execute a', 'execute b', 'execute p'] as const)(`${reason}: %s turns round`, (place) => {
      const story = places[place]().wish(wish);
      expect(story.where).toBe('revoke p: ready');
      expect(story.state.failure?.reason).toBe(reason);
    });

    it.each(['revoke p', 'compensate b', 'execute n'] as const)(`${reason}: %s goes on as it is`, (place) => {
      const story = places[place]();
      const { where, state } = story;
      expect(story.wish(wish).where).toBe(where);
      expect(story.state.failure).toBe(state.failure);
    });

    it(`${reason}: a pause does not delay it`, () => {
      expect(given().until('execute', 'a').reply('Failed').wish(wish).where).toBe('revoke p: ready');
    });

    it(`${reason}: where no finalizer was held no command can have left, so there is nothing to undo`, () => {
      const story = given().act().wish(wish).run();
      expect(story.log.slice(0, 2)).toStrictEqual(['LookUpServices', 'RecordOutcome']);
      expect(story.where).toBe('Compensated');
      expect(story.stepStates).toBe('Skipped Skipped Skipped Skipped');
    });

    it(`${reason}: a wish that is there at the start is heeded before anything is sent`, () => {
      const story = given({ wishes: wish, recorded: { finalizer: true } }).run();
      expect(story.log).toStrictEqual(['RecordFailure', 'revoke p']);
    });
  }

  it('past the pivot a delete finishes first, then lets the object go', () => {
    const story = places['execute n']().wish({ deleting: true, cancel: true });
    story.log = [];
    expect(story.reply('Executed').run().log).toStrictEqual(['RecordOutcome', 'ReleaseFinalizer']);
    expect(story.where).toBe('Completed');
  });
});
