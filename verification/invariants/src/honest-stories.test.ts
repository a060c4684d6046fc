import { describe, expect, it } from 'vitest';
import { allInvariants, checkAll } from './all-invariants.ts';
import { Stage } from './testing/stage.ts';
import type { SagaStage } from './testing/saga-stage.ts';

const first = 'createOrder';
const second = 'reserveInventory';
const third = 'processPayment';
const pivot = 'confirmOrder';
const last = 'settleInventory';

/** What an honest system may do. No checker may call any of it a violation. */
const stories: Readonly<Record<string, (saga: SagaStage, stage: Stage) => unknown>> = {
  'all goes well': (saga) => saga.complete(),
  'undone from the last step before the pivot': (saga) => saga.compensate(),
  'nothing was ever sent': (saga) => {
    saga.failure = { step: first, reason: 'Cancelled', message: '' };
    return saga.end('Compensated');
  },
  'aborted before the first effect': (saga) => saga.abort().undo().end('Compensated'),
  'the first step says no': (saga) => saga.refuse(first).abort().undo().end('Compensated'),
  'the third step says no': (saga) => saga.run(first, second).refuse(third).abort().undo().end('Compensated'),
  'the pivot says no': (saga) => {
    saga.run(first, second, third).refuse(pivot);
    saga.turnRound().send(pivot, 'revoke').reply(pivot, 'revoke', 'Revoked');
    return saga.undo().end('Compensated');
  },
  'the abort comes too late': (saga) => {
    saga.run(first, second, third, pivot).turnRound();
    saga.send(pivot, 'revoke').reply(pivot, 'revoke', 'PivotPassed').failure = undefined;
    return saga.run(last).end('Completed');
  },
  'a new leader asks everything again': (saga) => {
    saga.run(first, second, third);
    for (const step of [first, second, third]) saga.send(step, 'execute').reply(step, 'execute', 'Executed');
    return saga.run(pivot, last).end('Completed');
  },
  'a new leader undoes everything again': (saga) => {
    saga.run(first, second, third).abort().undo(third, second);
    saga.send(pivot, 'revoke').reply(pivot, 'revoke', 'Revoked');
    saga.send(third, 'compensate').reply(third, 'compensate', 'Compensated');
    saga.send(second, 'compensate').reply(second, 'compensate', 'Compensated');
    return saga.undo(first).end('Compensated');
  },
  'a second leader goes forward during the undo and is fenced off': (saga) => {
    saga.run(first, second).abort().undo(third, second);
    saga.send(first, 'execute').reply(first, 'execute', 'Executed');
    saga.send(second, 'execute').reply(second, 'execute', 'Fenced');
    return saga.undo(first).end('Compensated');
  },
  'money was taken, nobody heard, and it is given back': (saga) => {
    saga.run(first, second).send(third, 'execute').fence(third, 'pending').effect(third);
    saga.abort().send(third, 'compensate').undoEffect(third).fence(third, 'compensated');
    saga.reply(third, 'compensate', 'Compensated').states.set(third, 'Compensated');
    return saga.undo(second, first).end('Compensated');
  },
  'a payment that was only announced is cancelled': (saga) => {
    saga.run(first, second).send(third, 'execute').fence(third, 'pending');
    saga.abort().send(third, 'compensate').fence(third, 'compensated');
    saga.reply(third, 'compensate', 'Compensated').states.set(third, 'Compensated');
    return saga.undo(second, first).end('Compensated');
  },
  'a refund is given up by hand': (saga) => {
    saga.run(first, second, third).abort().send(third, 'compensate').abandon(third, 'compensate');
    return saga.undo(second, first).end('Abandoned');
  },
  'the settling is given up by hand': (saga) =>
    saga.run(first, second, third, pivot).send(last, 'execute').abandon(last, 'execute').end('Abandoned'),
  'the abort is given up by hand, and the pivot had been taken': (saga) => {
    saga.run(first, second, third, pivot).turnRound();
    saga.send(pivot, 'revoke').abandon(pivot, 'revoke').undo(third, second);
    return saga.send(first, 'compensate').abandon(first, 'compensate').end('Abandoned');
  },
  'a second saga of the same order is told no': (saga, stage) => {
    saga.complete();
    return stage.saga('again', { orderId: saga.orderId }).refuse(first).abort().undo().end('Compensated');
  },
  'the object is gone after its end': (saga) => {
    saga.complete().gone = true;
  },
  'a plan of another team': (_, stage) => {
    const pack = { name: 'pack', service: 'parcel', execute: 'pack', compensate: 'unpack' };
    const ship = { name: 'ship', service: 'parcel', execute: 'ship', pivot: true };
    stage.saga('shipped', { steps: [pack, ship] }).complete();
    return stage
      .saga('unpacked', { steps: [pack, ship] })
      .run('pack')
      .abort()
      .undo()
      .end('Compensated');
  },
};

describe('honest stories', () => {
  it.each(Object.entries(stories))('%s', (_name, story) => {
    const stage = new Stage();
    const saga = stage.saga('a');
    story(saga, stage);
    if (saga.versions.every(({ status }) => status.outcome === undefined)) stage.sagas.shift();
    const wrong = checkAll(stage.facts()).filter(({ violations }) => violations.length > 0);
    expect(wrong).toEqual([]);
  });

  it('the table is I1 to I23, each under its own name', () => {
    const ids = Array.from({ length: 23 }, (_, index) => `I${index + 1}`);
    expect(allInvariants.map(({ id }) => id)).toEqual(ids);
    expect(checkAll({ atQuiesce: true }).map(({ invariant }) => invariant)).toEqual(ids);
  });

  it('facts of nothing prove nothing', () => {
    for (const atQuiesce of [true, false]) {
      expect(checkAll({ atQuiesce })).toEqual(
        allInvariants.map(({ id }) => ({ invariant: id, evaluated: 0, violations: [] })),
      );
    }
  });
});
