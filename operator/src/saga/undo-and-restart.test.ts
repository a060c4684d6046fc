import { describe, expect, it } from 'vitest';
import { decide } from './decide.ts';
import { planOf } from './plan.ts';
import { given } from './testing/story.ts';
import type { Story } from './testing/story.ts';
import { planWith } from './testing/plans.ts';

/** Given a saga a, b, p (pivot), n that turned round, was abandoned, or lost its process. */

const undoing = (step: string) => given().until('execute', 'b').reply('Rejected').until('compensate', step);
const failures = (story: Story, count: number) => {
  for (let index = 0; index < count; index += 1) story.reply('Failed').wake().run();
  return story;
};

describe('an undo', () => {
  it('goes in reverse order, one at a time, and only after the pivot was revoked', () => {
    const story = given({ plan: planWith({ before: ['a', 'b', 'c'] }) }).until('execute', 'c');
    story.log = [];
    story.reply('Rejected').run();
    for (const answer of ['Revoked', 'NothingToUndo', 'Compensated', 'Compensated'] as const) {
      story.reply(answer).run();
    }
    const undone = ['revoke p', 'compensate c', 'compensate b', 'compensate a'];
    expect(story.log).toStrictEqual(['RecordFailure', ...undone, 'RecordOutcome', 'ReleaseFinalizer']);
    expect(story.stepStates).toBe('Compensated Compensated Rejected Revoked Skipped');
  });

  it('takes in a step whose outcome is unknown', () => {
    const story = given().until('execute', 'b');
    for (let attempt = 0; attempt < 2; attempt += 1) story.pass(10_000).wake().run();
    expect(story.pass(10_000).run().state.failure?.reason).toBe('StepTimedOut');
    expect(story.reply('Revoked').run().where).toBe('compensate b: reply');
  });

  it('takes in a step that we never sent: another operator may have', () => {
    const story = given().until('execute', 'a').reply('Rejected').until('revoke', 'p').reply('Revoked').run();
    expect(story.where).toBe('compensate b: reply');
  });

  it('keeps a step that said no as Rejected for the reader, undone or not', () => {
    const story = undoing('b').reply('NothingToUndo').run();
    expect(story.stepStates).toBe('Compensating Rejected Revoked Pending');
  });

  it('is over with the revoke where nothing is before the pivot', () => {
    const story = given({ plan: planWith({ before: [] }) })
      .until('execute', 'p')
      .reply('Rejected')
      .run();
    expect(story.reply('Revoked').run().where).toBe('Compensated');
  });
});

describe('abandon', () => {
  const rows = [
    [
      'the revoke',
      'p',
      () => given().until('execute', 'b').reply('Rejected').until('revoke', 'p'),
      'compensate b: ready',
    ],
    ['an undo', 'b', () => undoing('b'), 'compensate a: ready'],
    ['the last undo', 'a', () => undoing('a'), 'Abandoned'],
    ['a step after the pivot', 'n', () => given().until('execute', 'n'), 'Abandoned'],
  ] as const;

  it.each(rows)('of %s (%s) treats that one acknowledgement as given', (_, step, arrive, then) => {
    const story = failures(arrive(), 1).wish({ abandon: { step, by: 'ada' } });
    expect(story.where).toBe(then);
    expect(story.state.abandoned).toMatchObject([{ step, by: 'ada', atMillis: story.nowMillis }]);
  });

  it.each(rows)('of %s (%s) ends the saga as Abandoned, whatever comes after', (_, step, arrive) => {
    const story = failures(arrive(), 1)
      .wish({ abandon: { step, by: 'ada' } })
      .run();
    for (let count = 0; count < 3 && story.state.phase !== 'Ended'; count += 1)
      story.reply('Compensated').run();
    expect(story.where).toBe('Abandoned');
  });

  it.each(rows)(
    'of %s (%s) waits until an attempt went wrong: a name that was there before gives up nothing',
    (_, step, arrive) => {
      const story = arrive().wish({ abandon: { step, by: 'ada' } });
      expect(story.state.abandoned).toStrictEqual([]);
      expect(story.reply('Failed').state.abandoned).toHaveLength(1);
    },
  );

  it('of another step than the open one does nothing', () => {
    const story = failures(undoing('b'), 2).wish({ abandon: { step: 'a', by: 'ada' } });
    expect(story.where).toBe('compensate b: reply');
  });

  it.each(['a', 'b', 'p'])('before the pivot does nothing (%s): cancel is the way', (step) => {
    const story = failures(given().until('execute', step), 1).wish({ abandon: { step, by: 'ada' } });
    expect(story.where).toBe(`execute ${step}: reply`);
  });

  it('that is recorded stands after a restart, without the annotation, and is not asked again', () => {
    const story = failures(undoing('b'), 1).wish({ abandon: { step: 'b', by: 'ada' } });
    story.restart({ saved: true }).wish({ abandon: null }).run();
    expect(story.reply('Revoked').run().log).toStrictEqual(['revoke p', 'compensate a']);
    expect(story.state.abandoned).toHaveLength(1);
    expect(story.reply('Compensated').run().where).toBe('Abandoned');
  });

  it('gets a step out of its way that said no after the pivot', () => {
    const story = given({ plan: planWith({ after: ['n', 'o'] }) })
      .until('execute', 'n')
      .reply('Rejected');
    expect(story.wish({ abandon: { step: 'n', by: 'ada' } }).run().where).toBe('execute o: reply');
    expect(story.reply('Executed').run().where).toBe('Abandoned');
  });
});

describe('the gates', () => {
  it('of a happy saga: services, finalizer, the steps, outcome, finalizer, and the end of its time to live', () => {
    const story = given().until('execute', 'n').reply('Executed').run();
    const steps = ['execute a', 'execute b', 'execute p', 'execute n'];
    const ending = ['RecordOutcome', 'ReleaseFinalizer'];
    expect(story.log).toStrictEqual(['LookUpServices', 'HoldFinalizer', ...steps, ...ending]);
    expect(story.pass(59_999).run().log.at(-1)).toBe('ReleaseFinalizer');
    expect(story.wake().run().log.at(-1)).toBe('DeleteObject');
  });

  it('put the failure on record before the first revoke', () => {
    const story = given().until('execute', 'a').reply('Rejected').run();
    expect(story.log.slice(-2)).toStrictEqual(['RecordFailure', 'revoke p']);
  });

  it('ask for the finalizer again when somebody took it away in the middle', () => {
    const story = given().until('execute', 'a').observe({ finalizer: false }).reply('Executed').run();
    expect(story.log.slice(-2)).toStrictEqual(['HoldFinalizer', 'execute b']);
  });

  it('do not ask for a finalizer that can no longer be had: the object is being deleted', () => {
    const story = given().until('execute', 'b').observe({ finalizer: false }).wish({ deleting: true }).run();
    expect(story.log.slice(-2)).toStrictEqual(['RecordFailure', 'revoke p']);
  });

  it('give the same decision to whoever asks twice', () => {
    const story = given();
    for (const name of ['LookUpServices', 'HoldFinalizer', 'execute a']) {
      const decision = decide(story.state, story.nowMillis);
      expect(decide(story.state, story.nowMillis)).toStrictEqual(decision);
      expect(story.act().log.at(-1)).toBe(name);
    }
    expect(decide(story.state, story.nowMillis)).toStrictEqual({ action: null, wakeAtMillis: 1_010_000 });
  });

  it('send nothing while a service is missing, look again every two seconds, and go when it has come', () => {
    const story = given({ missing: [['saga.cmd.fake.do'], ['saga.cmd.fake.do']] }).run();
    expect(story.log).toStrictEqual(['LookUpServices']);
    const from = story.nowMillis;
    expect(story.wake().nowMillis - from).toBe(2_000);
    expect(story.run().log).toStrictEqual(['LookUpServices', 'LookUpServices']);
    expect(story.wake().run().log.slice(2)).toStrictEqual(['LookUpServices', 'HoldFinalizer', 'execute a']);
  });

  it('let a saga whose service is missing be cancelled, or run into its deadline', () => {
    const missing = [['saga.cmd.fake.do']];
    expect(given({ missing }).run().wish({ cancel: true }).run().where).toBe('Compensated');
    const late = given({ missing, wishes: { deadlineSeconds: 1 } })
      .run()
      .wake();
    expect(late.nowMillis).toBe(1_001_000);
    expect(late.run().where).toBe('Compensated');
  });

  it('leave an object alone that is being deleted once its finalizer is gone', () => {
    const story = given().until('execute', 'n').wish({ deleting: true }).reply('Executed').run();
    expect(story.pass(10_000_000).run().log.at(-1)).toBe('ReleaseFinalizer');
  });
});

describe('a connection that came back', () => {
  it('asks at once, and the lost attempt costs nothing of the budget', () => {
    const story = given().until('execute', 'a');
    for (let count = 0; count < 10; count += 1) story.fact({ kind: 'ConnectionRestored' }).run();
    expect(story.where).toBe('execute a: reply');
    expect(story.open.call.attempt).toBe(1);
  });

  it('does not cut a pause short', () => {
    const story = given().until('execute', 'a').reply('Failed');
    const { state } = story;
    expect(story.fact({ kind: 'ConnectionRestored' }).state).toBe(state);
  });

  it('makes the Failed of the lost attempt stale', () => {
    const story = given().until('execute', 'a').fact({ kind: 'ConnectionRestored' });
    expect(story.reply('Failed').run().where).toBe('execute a: reply');
    expect(story.reply('Failed', { commandId: 'command-1' }).where).toBe('execute a: reply');
  });
});

describe('a restart', () => {
  it.each([true, false])('in the forward phase asks from the first step on (status wiped: %s)', (wiped) => {
    const story = given().until('execute', 'p').restart({ saved: true, wiped }).until('execute', 'n');
    const again = ['execute a', 'execute b', 'execute p', 'execute n'];
    expect(story.log.filter((line) => line !== 'LookUpServices')).toStrictEqual(again);
  });

  it('counts what the reader saw done as done, and as the same number of attempts', () => {
    const story = given().until('execute', 'b').restart({ saved: true }).run();
    expect(story.stepStates).toBe('Done Running Pending Pending');
    expect(story.state.steps[0]?.attempts).toBe(1);
  });

  it('in the middle of an undo asks for the abort again, then for every undo, and shows what was undone as undone', () => {
    const story = undoing('a').restart({ saved: true }).run();
    expect(story.log).toStrictEqual(['revoke p']);
    story.reply('Revoked').run();
    expect(story.stepStates).toBe('Compensating Rejected Revoked Pending');
    story.reply('Compensated').run().reply('Compensated').run();
    expect(story.log.slice(1, 3)).toStrictEqual(['compensate b', 'compensate a']);
    expect(story.where).toBe('Compensated');
  });

  it('in the middle of an undo, with the status wiped, finds the abort by the fences', () => {
    const story = undoing('a').restart({ wiped: true }).until('execute', 'b').reply('Fenced').run();
    expect(story.where).toBe('revoke p: reply');
    expect(story.log.at(-2)).toBe('RecordFailure');
  });

  it('after the pivot finds the commit by the answers, even when the deadline has passed', () => {
    const story = given().until('execute', 'n').pass(400_000).restart({ saved: true }).run();
    expect(story.log).toStrictEqual(['RecordFailure', 'revoke p']);
    expect(story.reply('PivotPassed').run().where).toBe('execute n: reply');
    expect(story.state.failure).toBeNull();
  });

  it('starts the deadline now when the stored start is in the future: a clock was wrong', () => {
    const story = given({
      wishes: { deadlineSeconds: 60 },
      checkpoint: { startedAtMillis: 1_000_000 + 3_600_000 },
    });
    expect(story.run().pass(60_000).run().open.failure?.reason).toBe('DeadlineExceeded');
  });

  it('gives the budget anew: the process knows nothing of the attempts before', () => {
    const story = given().until('execute', 'a').reply('Failed').wake().run().restart({ saved: true }).run();
    expect(story.open.call.attempt).toBe(1);
    expect(story.state.steps[0]?.attempts).toBe(3);
  });

  it('with an outcome on record has only to let go', () => {
    const recorded = { finalizer: true, outcome: 'Completed' } as const;
    expect(given({ recorded }).run().log).toStrictEqual(['ReleaseFinalizer']);
  });

  it('keeps the time to live counting from the end', () => {
    const checkpoint = { finishedAtMillis: 1_000_000 - 60_000 };
    expect(given({ recorded: { outcome: 'Completed' }, checkpoint }).run().log).toStrictEqual([
      'DeleteObject',
    ]);
  });

  const beginnings = [
    ['the finalizer is held', { recorded: { finalizer: true } }],
    ['somebody took the finalizer, and the status tells of an attempt', { checkpoint: attempted() }],
  ] as const;
  it.each(beginnings)('may have sent every step before the pivot when %s', (_, beginning) => {
    const story = given({ ...beginning, wishes: { cancel: true } })
      .until('revoke', 'p')
      .reply('Revoked')
      .run();
    expect(story.where).toBe('compensate b: reply');
  });
});

function attempted() {
  const times = { startedAtMillis: 1_000_000, finishedAtMillis: null };
  return {
    steps: [{ name: 'a', state: 'Running', attempts: 1, ...times, reason: '', message: '' }],
  } as const;
}

describe('the stored object outranks the memory', () => {
  it('of an operator that was paused while another one ended the saga', () => {
    const story = given().until('execute', 'b').observe({ outcome: 'Completed' }).run();
    expect(story.where).toBe('Completed');
    expect(story.log.slice(-2)).toStrictEqual(['execute b', 'ReleaseFinalizer']);
  });

  it('of an operator that goes forward, when another one has turned the saga round', () => {
    const failure = { step: 'a', reason: 'Cancelled', message: 'another saw it first' };
    const story = given().until('execute', 'b').observe({ failure }).run();
    expect(story.where).toBe('revoke p: reply');
    expect(story.open.failure).toEqual(failure);
  });

  it('of an operator that turned it round for another cause: the one that was written down stands', () => {
    const failure = { step: 'a', reason: 'DeadlineExceeded', message: 'another was first' };
    const story = given()
      .until('execute', 'b')
      .reply('Rejected')
      .until('revoke', 'p')
      .observe({ failure })
      .run();
    expect(story.open.failure).toEqual(failure);
    expect(story.where).toBe('revoke p: reply');
  });

  it('but not of an operator that knows that the pivot is taken', () => {
    const failure = { step: 'a', reason: 'Cancelled', message: 'too late' };
    const story = given().until('execute', 'n').observe({ failure }).run();
    expect(story.where).toBe('execute n: reply');
  });

  it('of an operator that has not heard that a person gave an acknowledgement up', () => {
    const gone = { step: 'b', direction: 'compensate', by: 'ada', atMillis: 1 } as const;
    const story = given().until('execute', 'b').reply('Rejected').until('compensate', 'b');
    story.observe({ abandoned: [gone] }).run();
    expect(story.where).toBe('compensate a: reply');
    expect(story.reply('Compensated').run().where).toBe('Abandoned');
  });

  it('of an operator that ended it without a command, when another one holds the finalizer by now', () => {
    const story = given({ wishes: { deadlineSeconds: 1 } })
      .act()
      .pass(1_000);
    expect(story.where).toBe('Compensated');
    expect(story.observe({ finalizer: true }).run().where).toBe('revoke p: reply');
    // Not `Skipped`, which would say that nobody ever sent it.
    expect(story.stepStates).toBe('Pending Pending Revoking Pending');
    expect(story.reply('PivotPassed').run().where).toBe('execute n: reply');
  });

  it('of an operator that ended it without a command, when another one ended it otherwise', () => {
    const story = given({ wishes: { deadlineSeconds: 1 } })
      .act()
      .pass(1_000);
    expect(story.observe({ outcome: 'Completed' }).run().where).toBe('Completed');
  });
});

describe('a plan', () => {
  const step = (name: string, change: object = {}) => ({ ...planWith().steps[0]!, name, ...change });
  const { compensate: _, ...bare } = planWith().steps[0]!;
  const rows = [
    ['no pivot', [step('a')], 'exactly one step must be the pivot, found 0'],
    [
      'two pivots',
      [
        { ...bare, pivot: true },
        { ...bare, name: 'q', pivot: true },
      ],
      'found 2',
    ],
    ['a name used twice', [step('a'), { ...bare, pivot: true }], 'must be unique'],
    [
      'a step before the pivot without an undo',
      [
        { ...bare, name: 'x' },
        { ...bare, pivot: true },
      ],
      'has no compensate',
    ],
    ['a pivot with an undo', [step('x', { pivot: true })], 'may not have a compensate'],
  ] as const;

  it.each(rows)('with %s is refused', (_, steps, problem) => {
    expect(planOf({ steps: [...steps] })).toMatchObject({
      kind: 'invalid',
      problem: expect.stringContaining(problem),
    });
  });
});
