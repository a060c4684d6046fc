import type { Facts } from './facts.ts';
import { compensated, completed, describeInvariant, told } from './testing/invariant-cases.ts';

const nothing: Facts = {
  atQuiesce: true,
  sagas: [],
  commands: [],
  replies: [],
  fenceChanges: [],
  orders: [],
};
const first = 'createOrder';
const second = 'reserveInventory';
const third = 'processPayment';
const pivot = 'confirmOrder';
const last = 'settleInventory';
const parcel = [
  { name: 'pack', service: 'parcel', execute: 'pack', compensate: 'unpack' },
  { name: 'ship', service: 'parcel', execute: 'ship', pivot: true },
];
const afterwards = ['tell', 'file'].map((name) => ({ name, service: 'parcel', execute: name }));
const blindFor = (facts: Facts, section: keyof Facts): Facts => {
  const { [section]: _, ...rest } = facts;
  return { atQuiesce: facts.atQuiesce, ...rest };
};
const messagesOnly = ({ atQuiesce, commands, replies, sagas }: Facts): Facts => ({
  atQuiesce,
  ...(commands ? { commands } : {}),
  ...(replies ? { replies } : {}),
  ...(sagas ? { sagas } : {}),
});
const changesOnly = ({ atQuiesce, oneOrder = false, fenceChanges, sagas }: Facts): Facts => ({
  atQuiesce,
  oneOrder,
  ...(fenceChanges ? { fenceChanges } : {}),
  ...(sagas ? { sagas } : {}),
});

describeInvariant('I6', {
  passes: compensated(),
  violations: {
    'EXECUTE before the step before it was told Executed': [
      told((saga) => saga.send(first, 'execute').send(second, 'execute')),
      /execute of reserveInventory sent .*: createOrder was not told Executed/,
    ],
    'EXECUTE after a no': [
      told((saga) => saga.refuse(first).send(second, 'execute')),
      /createOrder was not told Executed/,
    ],
    'EXECUTE after the pivot before the pivot': [
      told((saga) => saga.run(first, second, third).send(last, 'execute')),
      /confirmOrder was not told Executed/,
    ],
    'COMPENSATE without an abort': [
      told((saga) => saga.run(first).send(first, 'compensate')),
      /compensate of createOrder sent .*: confirmOrder was not told Revoked/,
    ],
    'COMPENSATE before the abort was acknowledged': [
      told((saga) =>
        saga
          .run(first)
          .turnRound()
          .send(pivot, 'revoke')
          .send(first, 'compensate')
          .reply(pivot, 'revoke', 'Revoked'),
      ),
      /confirmOrder was not told Revoked/,
    ],
    'the wrong way round': [
      messagesOnly(told((saga) => saga.run(first, second).abort().undo(first, second))),
      /compensate of createOrder sent .*: reserveInventory was sent and is not undone yet/,
    ],
    'not waiting for the acknowledgement': [
      told((saga) => saga.run(first, second).abort().send(second, 'compensate').send(first, 'compensate')),
      /reserveInventory was sent and is not undone yet/,
    ],
    'a step of unknown outcome left out': [
      told((saga) => saga.run(first).send(second, 'execute').abort().undo(first)),
      /reserveInventory was sent and is not undone yet/,
    ],
    'a step that is not before the pivot is undone': [
      told((saga) => saga.abort().send(last, 'compensate')),
      /compensate of settleInventory sent .*: from the pivot on nothing is undone/,
    ],
    'a step that is not the pivot is revoked': [
      told((saga) => saga.turnRound().send(third, 'revoke')),
      /revoke of processPayment sent .*: it is not the pivot/,
    ],
    'a command before the finalizer': [
      told((saga) => {
        saga.versions.length = 1;
        return saga.send(first, 'execute').status();
      }),
      /createOrder\/execute.* was sent before the finalizer was held/,
    ],
    'REVOKE before the cause is stored': [
      told((saga) => saga.send(pivot, 'revoke').abort()),
      /confirmOrder\/revoke\/nonce\/1 was sent before the cause was stored/,
    ],
    'a step of another plan': [
      told((saga, stage) => {
        saga.send(first, 'execute');
        const [fact] = stage.commands;
        stage.commands.push({ ...fact!, command: { ...fact!.command, step: 'ship' } });
      }),
      /ship is no step of its plan/,
    ],
    'effects in the wrong order': [
      changesOnly(told((saga) => saga.fence(second, 'executed').fence(first, 'executed'))),
      /reserveInventory took effect before createOrder/,
    ],
    'undone in the wrong order': [
      changesOnly(told((saga) => saga.run(first, second).abort().undo(first, second))),
      /createOrder was undone before reserveInventory/,
    ],
  },
  nearMisses: {
    'asked again from the start by a new leader': told((saga) => {
      saga.run(first, second);
      return saga.send(first, 'execute').send(second, 'execute');
    }),
    'undone again from the end by a new leader': told((saga) =>
      saga.run(first, second, third).abort().undo().send(third, 'compensate').send(first, 'compensate'),
    ),
    'a leader that does not know yet sends EXECUTE after COMPENSATE': told((saga) =>
      saga.run(first, second).abort().undo(third).send(third, 'execute').undo(second, first),
    ),
    'a step that was never sent is not undone': told((saga) => saga.run(first).abort().undo(first)),
    'the pivot had passed, and the saga goes on': told((saga) =>
      saga
        .run(first, second, third)
        .turnRound()
        .send(pivot, 'revoke')
        .reply(pivot, 'revoke', 'PivotPassed')
        .run(last),
    ),
    'a step was given up by hand': told((saga) =>
      saga.run(first, second).abort().send(second, 'compensate').abandon(second, 'compensate').undo(first),
    ),
    'a step after the pivot was given up by hand, and the next one follows': told((_, stage) =>
      stage
        .saga('b', { steps: [...parcel, ...afterwards] })
        .run('pack', 'ship')
        .send('tell', 'execute')
        .abandon('tell', 'execute')
        .run('file'),
    ),
    'an undo that was given up comes through later': told((saga) =>
      saga
        .run(first, second)
        .abort()
        .send(second, 'compensate')
        .abandon(second, 'compensate')
        .undo(first)
        .undoEffect(second)
        .fence(second, 'compensated'),
    ),
    'a step was named by hand, and the leader died before it could record that': told((saga) =>
      saga.run(first, second).abort().status({ abandonStep: second }).undo(first),
    ),
    'the finalizer seen late, on another clock': told(
      (saga) => {
        saga.versions.length = 1;
        return saga.send(first, 'execute').status();
      },
      { oneOrder: false },
    ),
    'reply and command at the same position: nobody knows which was first': told((saga, stage) => {
      saga.run(first).send(second, 'execute');
      const reply = stage.replies[0]!;
      stage.replies[0] = { ...reply, position: stage.commands[1]!.position };
    }),
    'the finalizer was removed by force': ((facts: Facts) => ({
      ...facts,
      sagas: [...completed().sagas!, { ...facts.sagas![0]!, uid: 'x', forced: true }],
      commands: [
        ...completed().commands!,
        ...facts.commands!.map((fact) => ({ ...fact, command: { ...fact.command, sagaUid: 'x' } })),
      ],
      replies: completed().replies!,
    }))(told((saga) => saga.send(second, 'execute'))),
  },
  tellsNothing: nothing,
});

describeInvariant('I7', {
  passes: compensated(),
  violations: {
    'an effect survives': [
      told((saga) => saga.run(first, second).abort().undo(first).end('Compensated')),
      /was aborted, but reserveInventory still has its effect/,
    ],
    'an effect of a late EXECUTE survives': [
      told((saga) => saga.run(first).abort().undo().effect(second).end('Compensated')),
      /was aborted, but reserveInventory still has its effect/,
    ],
    'the pivot took effect after the abort': [
      told((saga) => saga.abort().effect(first).effect(pivot), {
        stockMovements: [],
        fenceRows: [],
        atQuiesce: false,
      }),
      /was aborted, but confirmOrder has taken effect/,
    ],
    'a step after the pivot took effect': [
      told((saga) => saga.run(first, second).abort().undo().effect(last), { orders: [] }),
      /was aborted, but settleInventory has taken effect/,
    ],
    'COMPENSATE tells of an abort, too': [
      told((saga) => saga.run(first, second).send(second, 'compensate').end('Compensated'), { orders: [] }),
      /reserveInventory still has its effect/,
    ],
  },
  nearMisses: {
    'the undo is under way': told((saga, stage) => {
      saga.run(first, second).abort();
      stage.saga('b').compensate();
    }),
    'an EXECUTE after the abort without effect': told((saga) =>
      saga
        .run(first)
        .abort()
        .undo()
        .send(second, 'execute')
        .reply(second, 'execute', 'Fenced')
        .end('Compensated'),
    ),
    'the finalizer was removed by force': ((facts: Facts) => ({
      ...facts,
      sagas: facts.sagas!.map((saga, index) => (index === 0 ? { ...saga, gone: true, forced: true } : saga)),
    }))(
      told((saga, stage) => {
        saga.run(first, second).abort();
        stage.saga('b').compensate();
      }),
    ),
    'an undo that was given up by hand': told((saga) =>
      saga.run(first, second).abort().abandon(second, 'compensate').undo(first).end('Abandoned'),
    ),
    'a step whose effects nobody can see': blindFor(
      told((saga) => saga.run(first, second).abort().undo(first).end('Compensated')),
      'stockMovements',
    ),
  },
  tellsNothing: completed(),
});

describeInvariant('I8', {
  passes: completed(),
  violations: {
    'COMPENSATE after the pivot': [
      told((saga) => saga.run().send(third, 'compensate')),
      /has passed its pivot, but .*processPayment\/compensate.* was sent to undo a step/,
    ],
    'a step was taken back': [
      told((saga) => saga.run().undoEffect(third)),
      /has passed its pivot, but processPayment was taken back/,
    ],
    'COMPENSATE before the pivot took effect': [
      told((saga) => saga.run(first).send(first, 'compensate').run(second, third, pivot)),
      /was sent to undo a step/,
    ],
    'only the row says that the pivot was passed': [
      told((saga) => saga.fence(pivot, 'executed').send(first, 'compensate'), { orders: [] }),
      /was sent to undo a step/,
    ],
    'only a reply says so': [
      told((saga) => saga.reply(pivot, 'revoke', 'PivotPassed').send(first, 'compensate'), { orders: [] }),
      /was sent to undo a step/,
    ],
  },
  nearMisses: {
    'REVOKE after the pivot': told((saga) =>
      saga.run().send(pivot, 'revoke').reply(pivot, 'revoke', 'PivotPassed'),
    ),
    'the finalizer was removed by force': ((facts: Facts) => ({
      ...facts,
      sagas: facts.sagas!.map((saga, index) => (index === 0 ? { ...saga, forced: true } : saga)),
    }))(
      told((saga, stage) => {
        saga.run().send(third, 'compensate');
        stage.saga('b').complete();
      }),
    ),
    'another saga is undone': told((saga, stage) => {
      saga.complete();
      stage.saga('b').compensate();
    }),
    'the abort was given up by hand': told((saga, stage) => {
      saga.run(first, second, third, pivot).abandon(pivot, 'revoke').undo(third, second);
      stage.saga('b').complete();
    }),
  },
  tellsNothing: compensated(),
});

const booksOnly = (facts: Facts): Facts => blindFor(facts, 'fenceChanges');
const momentOnly = ({ atQuiesce, oneOrder = false, sagas, fenceChanges, commands }: Facts): Facts => ({
  atQuiesce,
  oneOrder,
  ...(sagas ? { sagas } : {}),
  ...(fenceChanges ? { fenceChanges } : {}),
  ...(commands ? { commands } : {}),
});

const completedWith = (change: (book: Facts) => Partial<Facts>): Facts =>
  booksOnly({ ...completed(), ...change(completed()) });

describeInvariant('I9', {
  passes: completed(),
  violations: {
    'Completed, and a step was never done': [
      booksOnly(told((saga) => saga.run(first, second, third, pivot).end('Completed'))),
      /is Completed, but of settleInventory the books say done 0, undone 0 times/,
    ],
    'Completed, and a step was taken back': [
      booksOnly(told((saga) => saga.run().undoEffect(third).end('Completed'))),
      /is Completed, but of processPayment the books say done 1, undone 1/,
    ],
    'Compensated, and a step still stands': [
      booksOnly(told((saga) => saga.run(first, second).abort().undo(first).end('Compensated'))),
      /is Compensated, but of reserveInventory the books say done 1, undone 0/,
    ],
    'Compensated, and the pivot has taken effect': [
      booksOnly(told((_, stage) => stage.saga('b', { steps: parcel }).effect('ship').end('Compensated'))),
      /is Compensated, but of ship the books say done 1, undone 0/,
    ],
    'Abandoned forward, and another step than the one given up is missing': [
      booksOnly(told((saga) => saga.run(first, third, pivot).abandon(last, 'execute').end('Abandoned'))),
      /is Abandoned, but of reserveInventory the books say done 0/,
    ],
    'Abandoned backward, and another step than the one given up still stands': [
      booksOnly(
        told((saga) =>
          saga.run(first, second, third).abort().abandon(second, 'compensate').undo(first).end('Abandoned'),
        ),
      ),
      /is Abandoned, but of processPayment the books say done 1, undone 0/,
    ],
    'the abort was given up, and a step before the pivot still stands': [
      booksOnly(
        told((saga) =>
          saga.run(first, second, third).abandon(pivot, 'revoke').undo(third, first).end('Abandoned'),
        ),
      ),
      /of reserveInventory the books say done 1, undone 0/,
    ],
    'gone without an outcome, and a step has its effect': [
      booksOnly(told((saga) => (saga.run(first, second).gone = true), { orders: [] })),
      /is gone without an outcome, but reserveInventory has its effect/,
    ],
    'fewer pieces were reserved than ordered': [
      completedWith((book) => ({
        stockMovements: book.stockMovements!.map((move) =>
          move.kind === 'reserved' ? { ...move, quantity: 1 } : move,
        ),
      })),
      /ordered are 2 MOUSE, reserved were 1 MOUSE/,
    ],
    'another SKU was given back than reserved': [
      booksOnly({
        ...compensated(),
        stockMovements: compensated().stockMovements!.map((move) =>
          move.kind === 'released' ? { ...move, sku: 'DOCK' } : move,
        ),
      }),
      /ordered are 2 MOUSE, released were 2 DOCK/,
    ],
    'a line too many was sold': [
      completedWith((book) => ({
        stockMovements: book.stockMovements!.flatMap((move) =>
          move.kind === 'sold' ? [move, { ...move, sku: 'DOCK', quantity: 1 }] : [move],
        ),
      })),
      /ordered are 2 MOUSE, sold were 2 MOUSE, 1 DOCK/,
    ],
    'another amount was captured': [
      completedWith((book) => ({
        provider: {
          refunds: [],
          captures: book.provider!.captures.map((move) => ({ ...move, amountCents: 99 })),
        },
      })),
      /ordered for 100 cents EUR, captured 99 cents EUR/,
    ],
    'another currency was captured': [
      completedWith((book) => ({
        provider: {
          refunds: [],
          captures: book.provider!.captures.map((move) => ({ ...move, currency: 'usd' })),
        },
      })),
      /ordered for 100 cents EUR, captured 100 cents USD/,
    ],
    'the row has another total': [
      completedWith((book) => ({ orders: book.orders!.map((row) => ({ ...row, totalCents: 101 })) })),
      /ordered for 100 cents EUR, its row says 101 cents EUR/,
    ],
    'called Completed before the last step was done': [
      momentOnly(
        told((saga) => saga.run(first, second, third, pivot).end('Completed').fence(last, 'executed')),
      ),
      /was called Completed while settleInventory was sent and not answered/,
    ],
    'called Compensated before the last undo': [
      momentOnly(
        told((saga) =>
          saga.run(first, second).abort().undo(second).end('Compensated').fence(first, 'compensated'),
        ),
      ),
      /was called Compensated while createOrder was executed/,
    ],
    'called Compensated while a step that was sent had no answer': [
      momentOnly(told((saga) => saga.send(first, 'execute').abort().end('Compensated'))),
      /was called Compensated while createOrder was sent and not answered/,
    ],
  },
  nearMisses: {
    'not ended: anything goes': told((saga, stage) => {
      saga.run(first);
      stage.saga('b').complete();
    }),
    'the outcome seen early, on another clock': told(
      (saga) =>
        saga
          .run(first, second, third, pivot)
          .end('Completed')
          .effect('settleInventory')
          .fence('settleInventory', 'executed'),
      { oneOrder: false },
    ),
    'lines of one SKU were booked one by one': completedWith((book) => ({
      stockMovements: book.stockMovements!.flatMap((move) =>
        move.sagaUid === null ? [move] : [1, 1].map((quantity) => ({ ...move, quantity })),
      ),
    })),
    'ended at once, nothing was sent': told((saga) => saga.end('Compensated')),
    'a step given up by hand was done all the same': told((saga) =>
      saga.run(first, second, third, pivot).effect(last).abandon(last, 'execute').end('Abandoned'),
    ),
    'the abort was given up by hand: the pivot may be either way': told((saga) =>
      saga
        .run(first, second, third, pivot)
        .abandon(pivot, 'revoke')
        .undo(third, second)
        .abandon(first, 'compensate')
        .end('Abandoned'),
    ),
    'gone without an outcome, never begun': told((saga) => (saga.gone = true)),
    'the finalizer was removed by force': ((facts: Facts) => ({
      ...facts,
      sagas: facts.sagas!.map((saga, index) => (index === 0 ? { ...saga, gone: true, forced: true } : saga)),
    }))(
      told((saga, stage) => {
        saga.run(first, second);
        stage.saga('b').complete();
      }),
    ),
  },
  tellsNothing: told((saga) => saga.run(first)),
});
