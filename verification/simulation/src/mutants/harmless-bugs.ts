import type { HarmlessBug, Mutant } from './mutant.ts';

/**
 * Bugs that do no harm here, by design: each is masked by another fence of the product. They are not counted as caught. `ONLY=<id>` puts one in
 * and must find no violation; if it does, the entry is wrong and belongs among the mutants.
 */

const evolve = 'operator/src/saga/evolve.ts';

export const harmlessBugs: readonly (HarmlessBug & Mutant)[] = [
  {
    id: 'ack-before-commit',
    title: 'A command is acknowledged before it is handled, so the broker never delivers it again.',
    patches: [
      {
        file: 'services/kit/src/command-server.ts',
        find: '(message) => receive(options, observe, action, message),',
        replace: `async (message) => {
          void receive(options, observe, action, message);
          return { kind: 'ack' };
        },`,
      },
    ],
    budgetSeeds: 40,
    origin: 'literature',
    maskedBy: 'The operator sends again after a time-out, also when nothing is ever delivered twice.',
    replacedBy: 'answer-before-commit',
  },
  {
    id: 'fenced-is-leave',
    title: 'Fenced is taken as leave to go on.',
    patches: [
      {
        file: evolve,
        find: `case 'Rejected':
    case 'Fenced':`,
        replace: `case 'Fenced':
      return call.direction === 'execute' ? executed(state, reply, nowMillis) : state;
    case 'Rejected':`,
      },
    ],
    budgetSeeds: 40,
    origin: 'literature',
    maskedBy:
      'Before anything is fenced the cause is stored and the pivot is revoked: whoever reads the object turns round, and the steps behind the pivot refuse what was given back.',
    replacedBy: 'revoked-is-leave',
  },
  {
    id: 'call-result-recorded-blindly',
    title: 'What the provider answered is recorded without a second look at the row.',
    patches: [
      {
        file: 'services/kit/src/fence-outside.ts',
        find: "if (decision.kind !== 'continue') return [row, decision] as const;",
        replace: '',
      },
    ],
    budgetSeeds: 40,
    origin: 'law',
    maskedBy:
      'The payment ledger takes one capture per saga and step: recording it beside an undo breaks its key and is rolled back.',
    replacedBy: 'pending-not-settled',
  },
  {
    id: 'oversold-stock',
    title: 'Stock is reserved without a look at what is available.',
    patches: [
      {
        file: 'services/inventory/src/stock-decisions.ts',
        find: 'if (available < quantity) {',
        replace: 'if (available < 0 * quantity) {',
      },
    ],
    budgetSeeds: 20,
    origin: 'literature',
    maskedBy: 'CHECK (available >= 0): the transaction is rolled back, and the attempt has failed.',
    replacedBy: 'stock-without-ledger',
  },
  {
    id: 'own-writes-not-read',
    title: 'The cache does not take the answers to our own writes: it learns of them by the watch alone.',
    patches: [
      {
        file: 'operator/src/controller/kube-saga-store.ts',
        find: 'cache.observeWrite(toSagaObject(raw, cache.get(keyOf(raw.metadata))));',
        replace: 'toSagaObject(raw, cache.get(keyOf(raw.metadata)));',
      },
    ],
    budgetSeeds: 20,
    origin: 'literature',
    maskedBy: 'Each write carries the resourceVersion that was read: one upon an old version is refused.',
    replacedBy: 'skip-cas',
  },
  {
    id: 'leader-for-ever',
    title: 'A leader never finds out before a write that its Lease has run out.',
    patches: [
      {
        file: 'operator/src/kube/elector.ts',
        find: 'return (\n      this.#renewedMillis !== undefined && nowMillis - this.#renewedMillis < this.#timing.renewDeadlineMillis\n    );',
        replace: 'return this.#renewedMillis !== undefined && nowMillis > 0;',
      },
    ],
    budgetSeeds: 40,
    origin: 'literature',
    maskedBy:
      'Commands are fenced at the services and writes by resourceVersion; runs in which both operators lead all the time pass, too. It costs writes, never truth.',
    replacedBy: 'skip-cas',
  },
];
