import type { Mutant } from './mutant.ts';

/** Bugs of the fence: the row per saga and step that makes every command harmless to repeat. */

const fence = 'services/kit/src/fence.ts';
const rows = 'services/kit/src/fence-rows.ts';
const local = 'services/kit/src/fence-local.ts';
const outside = 'services/kit/src/fence-outside.ts';

const takesPlace = 'const row = await takePlace(tx, command, claim(command, shell.hash));';
const buriesOutside = `const row = await takePlace(tx, command, { state: 'tombstone', hash: null });
    const decision = decideFence('compensate'`;
const appliesOnce = `case 'repeat':
        return replyTo(command, decision.outcome, row?.reply);`;

export const fenceMutants: readonly Mutant[] = [
  {
    id: 'answer-before-commit',
    title: 'A service answers before the commit is certain: a failed commit is told as done.',
    patches: [
      {
        file: fence,
        find: 'const shell = { db, outbox, hash: requestHash(service, command) };',
        replace: `let answer;
      const eager = {
        query: (...args) => db.query(...args),
        tx: async (work) => {
          answer = undefined;
          try {
            return await db.tx(async (tx) => (answer = await work(tx)));
          } catch (error) {
            if (answer?.outcome === undefined) throw error;
            return answer;
          }
        },
      };
      const shell = { db: eager, outbox, hash: requestHash(service, command) };`,
      },
    ],
    budgetSeeds: 20,
    origin: 'literature',
  },
  {
    id: 'no-tombstone',
    title: 'COMPENSATE at an empty place leaves no tombstone, so a late EXECUTE takes effect.',
    patches: [
      {
        file: local,
        find: takesPlace,
        replace: `const row = command.direction === 'compensate'
      ? await lockRow(tx, command)
      : await takePlace(tx, command, claim(command, shell.hash));`,
      },
      { file: local, find: 'import { moveRow, placeOf', replace: 'import { lockRow, moveRow, placeOf' },
      {
        file: outside,
        find: buriesOutside,
        replace: `const row = await lockRow(tx, command);
    const decision = decideFence('compensate'`,
      },
    ],
    budgetSeeds: 20,
    origin: 'literature',
  },
  {
    id: 'tombstone-rolled-back',
    title: 'The tombstone is taken back with a savepoint, and the answer is sent all the same.',
    patches: [
      { file: local, find: takesPlace, replace: `await tx.exec('savepoint place');\n    ${takesPlace}` },
      {
        file: local,
        find: `case 'bury':
        return`,
        replace: `case 'bury':
        await tx.exec('rollback to savepoint place');
        return`,
      },
    ],
    budgetSeeds: 20,
    origin: 'literature',
  },
  {
    id: 'fence-by-order-name',
    title: 'A service remembers the first saga of an order and keys its fence by that, not by the saga uid.',
    patches: [
      {
        file: fence,
        find: 'const { service, db, outbox } = options;',
        replace: 'const { service, db, outbox } = options;\n  const firstOf = new Map();',
      },
      {
        file: fence,
        find: 'async handle(handler, command) {',
        replace: `async handle(handler, { ...command }) {
      command.placeUid = firstOf.get(command.orderId) ?? command.sagaUid;
      firstOf.set(command.orderId, command.placeUid);`,
      },
      {
        file: rows,
        find: 'command.sagaUid,\n      command.step,\n      row.state',
        replace: 'command.placeUid,\n      command.step,\n      row.state',
      },
      {
        file: rows,
        find: 'step = $2`,\n    [command.sagaUid, command.step],',
        replace: 'step = $2`,\n    [command.placeUid, command.step],',
      },
      {
        file: rows,
        find: 'for update`,\n    [command.sagaUid, command.step],',
        replace: 'for update`,\n    [command.placeUid, command.step],',
      },
      {
        file: rows,
        find: '[command.sagaUid, command.step, state',
        replace: '[command.placeUid, command.step, state',
      },
    ],
    budgetSeeds: 20,
    origin: 'literature',
  },
  {
    id: 'rejection-not-sticky',
    title: 'A business no leaves no row, so the same command can be told yes later.',
    patches: [
      { file: local, find: takesPlace, replace: `await tx.exec('savepoint place');\n    ${takesPlace}` },
      {
        file: local,
        find: "await tx.exec('rollback to savepoint effect');",
        replace: "await tx.exec('rollback to savepoint place');",
      },
      { file: local, find: "await moveRow(tx, command, 'rejected', said);", replace: '' },
    ],
    budgetSeeds: 40,
    origin: 'literature',
  },
  {
    id: 'dedupe-as-only-guard',
    title: 'A command that finds its row executed is executed again: only the broker keeps repeats away.',
    patches: [
      {
        file: local,
        find: appliesOnce,
        replace: `case 'repeat':
        if (decision.outcome === 'Executed') return applyStep(shell, tx, step, command);
        return replyTo(command, decision.outcome, row?.reply);`,
      },
    ],
    budgetSeeds: 10,
    origin: 'literature',
  },
  {
    id: 'provider-before-intent',
    title: 'The provider is asked for the money before the intent row is committed.',
    patches: [
      {
        file: outside,
        find: 'const { reference } = intended;',
        replace: 'const { reference } = intended;\n  await step.perform(command, reference);',
      },
    ],
    budgetSeeds: 60,
    origin: 'law',
  },
  {
    id: 'pending-not-settled',
    title: 'COMPENSATE of a payment under way marks the row without settling at the provider.',
    patches: [
      {
        file: outside,
        find: 'const outcome = await step.settle(command, reference);\n  return recordUndone',
        replace:
          "const outcome = seen.row.state === 'pending' ? {} : await step.settle(command, reference);\n  return recordUndone",
      },
    ],
    budgetSeeds: 40,
    origin: 'law',
  },
];
