import type { Mutant } from './mutant.ts';

/** Bugs of the operator around the core: cache, status, messages, intake. */

const act = 'operator/src/controller/act.ts';
const commands = 'operator/src/controller/commands.ts';
const intake = 'operator/src/controller/intake.ts';
const memory = 'operator/src/controller/saga-memory.ts';
const projection = 'operator/src/controller/status-projection.ts';
const reconcile = 'operator/src/controller/reconcile.ts';
const reflector = 'operator/src/kube/reflector.ts';
const sagaStore = 'operator/src/controller/kube-saga-store.ts';

export const operatorMutants: readonly Mutant[] = [
  {
    id: 'skip-cas',
    title: 'Objects are patched without resourceVersion: the last writer wins.',
    patches: [
      {
        file: sagaStore,
        find: 'return { uid: metadata.uid, resourceVersion: metadata.resourceVersion };',
        replace: 'return { uid: metadata.uid };',
      },
    ],
    budgetSeeds: 80,
    origin: 'literature',
  },
  {
    id: 'status-without-version',
    title: 'The status alone is written without resourceVersion.',
    patches: [
      {
        file: sagaStore,
        find: 'const patch = { metadata: preconditions(object), status };',
        replace: 'const patch = { metadata: { uid: object.metadata.uid }, status };',
      },
    ],
    budgetSeeds: 80,
    origin: 'law',
  },
  {
    id: 'status-of-an-older-belief',
    title: 'A status is written upon an object that is newer than what was folded.',
    patches: [
      {
        file: act,
        find: `this.#observe(entry);
    const stored = object.content.status;`,
        replace: 'const stored = object.content.status;',
      },
      {
        file: act,
        find: `async writeProgress(entry: SagaEntry): Promise<number | null> {
    this.#observe(entry);`,
        replace: 'async writeProgress(entry: SagaEntry): Promise<number | null> {',
      },
    ],
    budgetSeeds: 150,
    origin: 'found',
  },
  {
    id: 'leaders-overwrite-each-other',
    title: 'What another operator wrote of a step is overwritten with an older state.',
    patches: [
      {
        file: projection,
        find: 'return isAhead(known.state, own.state) ? known : own;',
        replace: 'return own;',
      },
    ],
    budgetSeeds: 80,
    origin: 'found',
  },
  {
    id: 'generation-not-acknowledged',
    title: 'A change of the spec after the end is never acknowledged.',
    patches: [
      {
        file: reconcile,
        find: 'if (outdated) await this.#actor.acknowledge(object, outdated);',
        replace: '',
      },
    ],
    budgetSeeds: 30,
    origin: 'law',
  },
  {
    id: 'reply-of-another-incarnation',
    title: 'A late reply to a deleted saga is taken as one to the new saga of the same name.',
    patches: [
      { file: memory, find: 'this.#byUid.delete(entry.uid);', replace: '' },
      {
        file: memory,
        find: 'const entry = this.#byUid.get(sagaUid);',
        replace: 'const entry = this.#byKey.get(this.#byUid.get(sagaUid)?.key);',
      },
    ],
    budgetSeeds: 60,
    origin: 'law',
  },
  {
    id: 'constant-message-id',
    title: 'A command has the same message id each time, also after a restart.',
    patches: [
      {
        file: commands,
        find: '`${entry.uid}/${step}/${direction}/${nonce}/${entry.nextSendNumber()}`',
        replace: '`${entry.uid}/${step}/${direction}`',
      },
    ],
    budgetSeeds: 40,
    origin: 'law',
  },
  {
    id: 'watch-410-no-list',
    title: 'A watch whose history is lost is opened again from the same version, for ever.',
    patches: [
      {
        file: reflector,
        find: "if (historyLost && stage === 'watch') listFrom = scope.resourceVersion() ?? '';\n        else if (historyLost) listFrom = '';",
        replace: "if (historyLost && stage === 'list') listFrom = '';",
      },
    ],
    budgetSeeds: 80,
    origin: 'literature',
  },
  {
    id: 'intake-without-claim',
    title:
      'Each delivery of an announcement makes a saga of its own, and a saga takes an order that another has claimed.',
    patches: [
      {
        file: intake,
        find: 'name: order.id,\n      namespace,\n      finalizers',
        replace: 'name: `${order.id}-${atMillis}`,\n      namespace,\n      finalizers',
      },
      {
        file: intake,
        find: 'orderSagaFor(order: Order, namespace: string, correlationId: string)',
        replace: 'orderSagaFor(order: Order, namespace: string, correlationId: string, atMillis: number)',
      },
      {
        file: intake,
        find: 'orderSagaFor(order, options.namespace, context.correlationId);',
        replace: 'orderSagaFor(order, options.namespace, context.correlationId, options.epochMillis());',
      },
      {
        file: 'services/order/src/order-decisions.ts',
        find: 'if (existing.sagaUid !== null) {\n    return rejected(\n      rejectionReasons.OrderIdTaken',
        replace: 'if (false) {\n    return rejected(\n      rejectionReasons.OrderIdTaken',
      },
      {
        file: 'services/order/src/order-store.ts',
        find: "where id = $1 and saga_uid is null and state = 'PENDING'`",
        replace: "where id = $1 and state = 'PENDING'`",
      },
      {
        file: 'verification/simulation/src/fakes/tables/order-tables.ts',
        find: "where id = $1 and saga_uid is null and state = 'PENDING'`",
        replace: "where id = $1 and state = 'PENDING'`",
      },
      {
        file: 'verification/simulation/src/fakes/tables/order-tables.ts',
        find: '(row) => row.saga_uid === null,',
        replace: '() => true,',
      },
      {
        // The trigger is the last fence.
        file: 'verification/simulation/src/fakes/tables/order-tables.ts',
        find: 'if (before !== undefined && before.saga_uid !== null && row.saga_uid !== before.saga_uid)',
        replace: 'if (row.saga_uid === undefined)',
      },
    ],
    budgetSeeds: 40,
    origin: 'law',
  },
];
