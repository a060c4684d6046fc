import type { StepState } from '@sagamesh/contracts/order-saga';
import type { Facts, SagaVersion } from './facts.ts';
import { compensated, completed, describeInvariant, told } from './testing/invariant-cases.ts';
import type { SagaStage } from './testing/saga-stage.ts';

const nothing: Facts = {
  atQuiesce: true,
  sagas: [],
  commands: [],
  replies: [],
  fenceRows: [],
  fenceChanges: [],
};
const first = 'createOrder';
const second = 'reserveInventory';
const third = 'processPayment';
const pivot = 'confirmOrder';
const last = 'settleInventory';

const healed = { healedAtMillis: 1_000, boundMillis: 500, nowMillis: 10_000_000 };
/** Created at 10 ms, deadline 300 s: due at 301,500 ms. */
const dueMillis = 301_500;
const endingAt = (atMillis: number, facts = completed()): Facts => ({
  ...facts,
  healing: healed,
  sagas: facts.sagas!.map((saga) => ({
    ...saga,
    versions: saga.versions.map((version) => (version.status.outcome ? { ...version, atMillis } : version)),
  })),
});
const openSaga = told((saga) => saga.run(first));

describeInvariant('I10', {
  passes: endingAt(5_000),
  violations: {
    'still open': [{ ...openSaga, healing: healed }, /had to end by 301500 and is still open at 10000000/],
    'ended too late': [endingAt(dueMillis + 1), /had to end by 301500 and ended at 301501/],
  },
  nearMisses: {
    'ended at the last moment': endingAt(dueMillis),
    'ended while faults were on': endingAt(20),
    'open, but it still has time': ((facts: Facts) => ({
      ...facts,
      sagas: [...facts.sagas!, { ...openSaga.sagas![0]!, uid: 'b' }],
      healing: { ...healed, nowMillis: dueMillis - 1 },
    }))(endingAt(5_000)),
    'open, because a person is asked': ((facts: Facts) => ({
      ...facts,
      sagas: [
        ...facts.sagas!,
        { ...openSaga.sagas![0]!, uid: 'b', mayStayOpen: 'a step after the pivot says no' },
      ],
    }))(endingAt(5_000)),
    'gone without an outcome, never begun': {
      ...told((saga) => (saga.gone = true)),
      healing: healed,
    },
  },
  tellsNothing: { ...nothing, healing: healed },
});

type Change = Partial<SagaVersion> & Parameters<SagaStage['status']>[0];
const versions = (...changes: Change[]) =>
  told((saga) => {
    saga.versions.length = 0;
    for (const change of changes) saga.status(change);
  });
const stateOf = (name: string, ...states: StepState[]) =>
  told((saga) => {
    saga.versions.length = 0;
    for (const state of states) {
      saga.states.set(name, state);
      saga.status();
    }
  });
const withStatus = (...statuses: object[]): Facts =>
  versions(
    ...statuses.map((status) => ({ status: { ...openSaga.sagas![0]!.versions.at(-1)!.status, ...status } })),
  );
const withStatusOfUser = (status: object): Facts =>
  versions({
    status: { ...openSaga.sagas![0]!.versions.at(-1)!.status, ...status },
    statusEditedByUser: true,
  });

const givenUp = [{ step: third, direction: 'compensate' as const, by: 'eve', at: '' }];

describeInvariant('I11', {
  passes: compensated(),
  violations: {
    'a generation that is not there': [withStatus({ observedGeneration: 2 }), /observed generation 2 of 1/],
    'the generation shrinks': [versions({ generation: 2 }, { generation: 1 }), /generation 2 became 1/],
    'the observed generation shrinks': [
      withStatus({ observedGeneration: 1 }, { observedGeneration: 0 }),
      /observedGeneration 1 became 0/,
    ],
    'deleting is taken back': [
      versions({ deleting: true }, { deleting: false }),
      /was being deleted, and is not any more/,
    ],
    'another outcome': [
      versions({ outcome: 'Completed' }, { outcome: 'Compensated' }),
      /outcome Completed became Compensated/,
    ],
    'the outcome is taken back': [versions({ outcome: 'Completed' }, {}), /outcome Completed became none/],
    'a person takes the outcome back': [
      versions({ outcome: 'Completed' }, { statusEditedByUser: true }),
      /outcome Completed became none/,
    ],
    'the steps vanish, and nobody edited them': [
      withStatus({ steps: [{ name: first, state: 'Done', attempts: 1 }] }, { steps: [] }),
      /what was said of createOrder \(Done\) vanished/,
    ],
    'the failure vanishes': [
      withStatus({ failure: { step: first, reason: 'Cancelled', message: '' } }, {}),
      /failure Cancelled vanished, and the pivot is not done/,
    ],
    'a step moves after the outcome': [
      told((saga) => {
        saga.states.set(last, 'Running');
        saga.status({ outcome: 'Completed' });
        saga.states.set(last, 'Done');
        saga.status({ outcome: 'Completed' });
      }),
      /settleInventory was Running and became Done after the outcome/,
    ],
    'done, and running again': [stateOf(first, 'Done', 'Running'), /createOrder was Done and became Running/],
    'running, and pending again': [stateOf(first, 'Running', 'Pending'), /was Running and became Pending/],
    'undone, and done again': [stateOf(first, 'Compensated', 'Done'), /was Compensated and became Done/],
    'said no, and was done': [stateOf(first, 'Rejected', 'Done'), /was Rejected and became Done/],
    'done, and nothing was to be undone': [
      stateOf(first, 'Done', 'NothingToUndo'),
      /was Done and became NothingToUndo/,
    ],
    'undoing, and running again': [
      stateOf(second, 'Compensating', 'Running'),
      /was Compensating and became Running/,
    ],
    'revoked, and done': [stateOf(pivot, 'Revoked', 'Done'), /was Revoked and became Done/],
    'the pivot done, and revoked': [stateOf(pivot, 'Done', 'Revoked'), /was Done and became Revoked/],
    'after the pivot done, and undone': [
      stateOf(last, 'Done', 'Compensating'),
      /was Done and became Compensating/,
    ],
    'given up, and taken up': [
      stateOf(third, 'Abandoned', 'Compensating'),
      /was Abandoned and became Compensating/,
    ],
    'given up, and nobody asked for it': [
      withStatus({ abandoned: givenUp }),
      /processPayment was called given up before a person named it/,
    ],
    'given up before a person asked for it': [
      told((saga) => {
        saga.abandoned = givenUp;
        saga.status().status({ abandonStep: third });
      }),
      /processPayment was called given up before a person named it/,
    ],
    'another step was given up than the one that was named': [
      told((saga) => {
        saga.abandoned = givenUp;
        saga.status({ abandonStep: second });
      }),
      /processPayment was called given up/,
    ],
  },
  nearMisses: {
    'the abort comes too late: the pivot is Done, Revoking and Done': stateOf(
      pivot,
      'Done',
      'Revoking',
      'Done',
    ),
    'the failure vanishes because the pivot had passed': told((saga) => {
      saga.failure = { step: pivot, reason: 'Deleted', message: '' };
      saga.status();
      saga.failure = undefined;
      saga.states.set(pivot, 'Done');
      saga.status();
    }),
    'after the pivot a no is asked again': stateOf(last, 'Running', 'Rejected', 'Running', 'Done'),
    'several states in one write': stateOf(first, 'Pending', 'Compensated'),
    'a person wipes the status': versions({}, { status: {}, statusEditedByUser: true }, {}),
    'given up as a person asked, who takes the word back': told((saga) =>
      saga.status({ abandonStep: third }).abandon(third, 'compensate').status(),
    ),
    'a person wrote into the status that it is given up': withStatusOfUser({ abandoned: givenUp }),
    'fewer attempts, as another operator counts': withStatus(
      { steps: [{ name: first, state: 'Running', attempts: 7 }] },
      { steps: [{ name: first, state: 'Running', attempts: 1 }] },
    ),
    'another cause of failure, as another operator saw it': withStatus(
      { failure: { step: first, reason: 'Cancelled', message: '' } },
      { failure: { step: second, reason: 'DeadlineExceeded', message: '' } },
    ),
  },
  tellsNothing: nothing,
});

const ended = (facts: Facts, status: object, change: Partial<SagaVersion> = {}): Facts => ({
  ...facts,
  sagas: facts.sagas!.map((saga) => ({
    ...saga,
    versions: saga.versions.map((version, index) =>
      index === saga.versions.length - 1
        ? { ...version, ...change, status: { ...version.status, ...status } }
        : version,
    ),
  })),
});
const saying = (facts: Facts, name: string, state: StepState): Facts =>
  ended(facts, {
    steps: facts
      .sagas![0]!.versions.at(-1)!
      .status.steps!.map((step) => (step.name === name ? { ...step, state } : step)),
    progress: state === 'Done' ? '1/5' : facts.sagas![0]!.versions.at(-1)!.status.progress,
  });

describeInvariant('I12', {
  passes: completed(),
  violations: {
    'Done, and the books say no': [
      saying(compensated(), second, 'Done'),
      /says reserveInventory is Done; the books say done 1, undone 1 times/,
    ],
    'Compensated, and it stands': [
      told((saga) => {
        saga.run(first, second).abort().undo(first).states.set(second, 'Compensated');
        saga.end('Compensated');
      }),
      /says reserveInventory is Compensated; the books say done 1, undone 0/,
    ],
    'NothingToUndo, and there was something': [
      saying(compensated(), second, 'NothingToUndo'),
      /says reserveInventory is NothingToUndo; the books say done 1, undone 1/,
    ],
    'Revoked, and it took effect': [
      told((saga) => {
        saga.effect(first).effect(pivot).states.set(pivot, 'Revoked');
        saga.states.set(first, 'Done');
        saga.failure = { step: pivot, reason: 'Cancelled', message: '' };
        saga.end('Compensated');
      }),
      /says confirmOrder is Revoked; the books say done 1/,
    ],
    'ended, and a step is under way': [
      saying(compensated(), third, 'Compensating'),
      /says processPayment is Compensating/,
    ],
    'nothing is said of a step': [
      ended(completed(), {
        steps: completed().sagas![0]!.versions.at(-1)!.status.steps!.slice(0, 4),
        progress: '4/5',
      }),
      /ended as Completed and says nothing of settleInventory/,
    ],
    'Completed with a failure': [
      ended(completed(), { failure: { step: first, reason: 'Cancelled', message: '' } }),
      /ended as Completed, and names the failure Cancelled/,
    ],
    'Compensated without a failure': [
      ended(compensated(), { failure: undefined }),
      /ended as Compensated, and names no failure/,
    ],
    'Completed with something given up': [
      ended(completed(), { abandoned: [{ step: last, direction: 'execute', by: 'eve', at: '' }] }),
      /ended as Completed, and lists 1 abandoned steps/,
    ],
    'a condition that says otherwise': [
      ended(completed(), { conditions: compensated().sagas![0]!.versions.at(-1)!.status.conditions }),
      /its condition Succeeded is False/,
    ],
    'progress that says otherwise': [ended(completed(), { progress: '4/5' }), /says 4\/5 with 5 steps done/],
    'the last spec was not seen': [ended(completed(), {}, { generation: 2 }), /observed generation 1 of 2/],
    'a payment of another saga': [
      ended(completed(), { results: { paymentId: 'pi_other' } }),
      /names payment pi_other, which is of nobody/,
    ],
  },
  nearMisses: {
    'a saga beside it is open': told((saga, stage) => {
      saga.run(first);
      stage.saga('b').complete();
    }),
    'a payment that was announced only is Compensated': told((saga) => {
      saga.run(first, second).fence(third, 'pending').abort().fence(third, 'compensated');
      saga.undo(second, first).states.set(third, 'Compensated');
      saga.end('Compensated');
    }),
    'a person edited the status after the end': ((facts: Facts) => ({
      ...facts,
      sagas: [
        ...facts.sagas!,
        { ...ended(facts, { steps: [] }, { statusEditedByUser: true }).sagas![0]!, uid: 'b' },
      ],
    }))(completed()),
    'given up: may be either way': told((saga) =>
      saga.run(first, second, third, pivot).effect(last).abandon(last, 'execute').end('Abandoned'),
    ),
    'deleting: nobody writes any more': ended(completed(), {}, { generation: 2, deleting: true }),
    'its own payment': ended(completed(), { results: { paymentId: 'pi_1' } }),
    'the finalizer was removed by force': ((facts: Facts) => ({
      ...facts,
      sagas: [...facts.sagas!, { ...saying(facts, last, 'Running').sagas![0]!, uid: 'b', forced: true }],
    }))(completed()),
  },
  tellsNothing: { ...saying(completed(), last, 'Running'), atQuiesce: false },
});

const fenceOf = (...states: Parameters<SagaStage['fence']>[1][]): Facts =>
  told((saga) => {
    for (const state of states) saga.fence(first, state);
  });
const answers = (...outcomes: Parameters<SagaStage['reply']>[2][]): Facts =>
  told((saga) => {
    for (const outcome of outcomes) saga.reply(first, 'execute', outcome);
  });

describeInvariant('I13', {
  passes: compensated(),
  violations: {
    'executed after it was buried': [fenceOf('tombstone', 'executed'), /was tombstone and became executed/],
    'buried after it was executed': [fenceOf('executed', 'tombstone'), /was executed and became tombstone/],
    'done after a no': [fenceOf('rejected', 'executed'), /was rejected and became executed/],
    'buried after it was announced': [fenceOf('pending', 'tombstone'), /was pending and became tombstone/],
    'undone out of nothing': [fenceOf('compensated'), /was empty and became compensated/],
    deleted: [fenceOf('executed', 'deleted'), /was executed and became deleted/],
    'two rows at one service': [
      {
        atQuiesce: true,
        fenceRows: [1, 2].map(() => ({ service: 's', sagaUid: 'u', step: 'x', state: 'executed' as const })),
      },
      /u\/x has two rows at s/,
    ],
    'rows at two services': [
      {
        atQuiesce: true,
        fenceRows: ['s', 't'].map((service) => ({
          service,
          sagaUid: 'u',
          step: 'x',
          state: 'executed' as const,
        })),
      },
      /u\/x has a row at s and at t/,
    ],
    'a row that is not what was committed': [
      told((saga, stage) => {
        saga.fence(first, 'executed');
        for (const [key, row] of stage.fenceRows) stage.fenceRows.set(key, { ...row, state: 'rejected' });
      }),
      /is rejected, but executed was committed last/,
    ],
    ...Object.fromEntries(
      (
        [
          ['Executed', 'Rejected'],
          ['Executed', 'NothingToUndo'],
          ['Executed', 'Revoked'],
          ['Rejected', 'Compensated'],
          ['Rejected', 'PivotPassed'],
          ['Rejected', 'Fenced'],
          ['Compensated', 'NothingToUndo'],
          ['Compensated', 'PivotPassed'],
          ['NothingToUndo', 'PivotPassed'],
          ['Revoked', 'PivotPassed'],
          ['Fenced', 'PivotPassed'],
        ] as const
      ).map(([one, other]) => [
        `${one} and ${other} of one place`,
        [answers(other, one), new RegExp(`said both ${one} and ${other}`)] as const,
      ]),
    ),
    'another stored result': [
      told((saga) =>
        saga
          .reply(first, 'execute', 'Executed', { id: '1' })
          .reply(first, 'execute', 'Executed', { id: '2' }),
      ),
      /said Executed with different results/,
    ],
  },
  nearMisses: {
    'announced, done, undone': fenceOf('pending', 'executed', 'compensated'),
    'written again with the same state': fenceOf('tombstone', 'tombstone'),
    'every word that one place may say in its life': answers(
      'Failed',
      'Executed',
      'Mismatch',
      'Compensated',
      'Fenced',
    ),
    'a no, and nothing to undo': answers('Rejected', 'NothingToUndo'),
    'replies of two steps': told((saga) =>
      saga.reply(first, 'execute', 'Executed').reply(second, 'execute', 'Rejected'),
    ),
    'two sagas at one step': told((saga, stage) => {
      saga.fence(first, 'executed').reply(first, 'execute', 'Executed');
      stage.saga('b').fence(first, 'tombstone').reply(first, 'compensate', 'NothingToUndo');
    }),
    'the same result with keys in another order': told((saga) =>
      saga
        .reply(first, 'execute', 'Executed', { a: '1', b: '2' })
        .reply(first, 'execute', 'Executed', { b: '2', a: '1' }),
    ),
  },
  tellsNothing: nothing,
});

describeInvariant('I14', {
  passes: { atQuiesce: true, replays: [{ what: 'trace of seed 7', first: 'abc', second: 'abc' }] },
  violations: {
    'another trace': [
      { atQuiesce: true, replays: [{ what: 'trace of seed 7', first: 'abc', second: 'abd' }] },
      /trace of seed 7: first abc, then abd/,
    ],
  },
  nearMisses: {
    'two seeds have two traces': {
      atQuiesce: true,
      replays: [
        { what: 'trace of seed 7', first: 'abc', second: 'abc' },
        { what: 'trace of seed 8', first: 'xyz', second: 'xyz' },
      ],
    },
  },
  tellsNothing: { atQuiesce: true, replays: [] },
});

const otherOrder = completed().sagas![0]!.versions[0]!.spec.order;
const changed = { ...otherOrder, customerId: 'eve' };
const sentAs = (change: object, service?: string): Facts =>
  told((saga, stage) => {
    saga.send(first, 'execute', change);
    if (service) stage.commands[0] = { ...stage.commands[0]!, service };
  });
const stranger = (change: object, service = 'order'): Facts =>
  told(
    (saga, stage) => {
      saga.send(first, 'execute').send(first, 'execute', change);
      stage.commands[1] = { ...stage.commands[1]!, service };
    },
    { sagas: [] },
  );

const id = { commandId: 'same' };
const later = '2031-01-01T00:00:00Z';

describeInvariant('I15', {
  passes: compensated(),
  violations: {
    'the order of the spec was changed': [
      versions({}, { spec: { ...completed().sagas![0]!.versions[0]!.spec, order: changed } }),
      /order or steps were changed/,
    ],
    'the steps of the spec were changed': [
      versions({}, { spec: { ...completed().sagas![0]!.versions[0]!.spec, steps: [] } }),
      /order or steps were changed/,
    ],
    'the order of another incarnation': [sentAs({ order: changed }), /is not what its spec says/],
    'another order id': [sentAs({ orderId: 'other' }), /is not what its spec says/],
    'other settings': [sentAs({ with: { a: 'b' } }), /is not what its spec says/],
    'another action': [sentAs({ action: 'cancel' }), /is not what its spec says/],
    'another service': [sentAs({}, 'payment'), /\(payment\) is not what its spec says/],
    'another step': [sentAs({ step: 'ship' }), /is not what its spec says/],
    'one id for two sends': [
      told((saga) => saga.send(first, 'execute', id).send(first, 'execute', { ...id, deadline: later })),
      /same names two sends, due 2030-01-01T00:00:00Z and 2031-01-01T00:00:00Z/,
    ],
    'a stranger asks with another order': [stranger({ order: changed }), /asks for something else than/],
    'a stranger asks with other settings': [stranger({ with: { a: 'b' } }), /asks for something else than/],
    'a stranger asks for another action': [stranger({ action: 'x' }), /asks for something else than/],
    'a stranger asks another service': [stranger({}, 'payment'), /asks for something else than/],
  },
  nearMisses: {
    'a send that the broker stored twice': told((saga) =>
      saga.send(first, 'execute', id).send(first, 'execute', id),
    ),
    'another attempt, deadline, result and id': sentAs({
      attempt: 7,
      deadline: later,
      results: { paymentId: 'pi' },
      commandId: 'x',
    }),
    'keys in another order, and one that is undefined': sentAs({
      order: { ...Object.fromEntries(Object.entries(otherOrder).toReversed()), contact: undefined },
    }),
    'suspend and cancel were changed': versions(
      {},
      { spec: { ...completed().sagas![0]!.versions[0]!.spec, suspend: true, cancel: true } },
    ),
    'the intake refuses with other words': told(
      (saga) =>
        saga
          .send(first, 'execute')
          .send(first, 'execute', { step: 'refuse', action: 'refuse', with: { reason: 'NameTaken' } })
          .send(first, 'execute', { step: 'refuse', action: 'refuse', with: { reason: 'Refused' } }),
      { sagas: [] },
    ),
    'EXECUTE and REVOKE of one action': told((saga) => saga.send(pivot, 'execute').send(pivot, 'revoke'), {
      sagas: [],
    }),
  },
  tellsNothing: nothing,
});
