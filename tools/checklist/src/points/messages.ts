import type { Facts, HandlerFact, ManifestFacts } from '../facts.ts';
import { each, verdictOf, when } from '../verdict.ts';
import type { Claim, Point } from '../verdict.ts';

/** What happens over the broker: points 2, 3, 7 and 13. */

/** Every service has the broker's address, and the broker's policies admit it. */
function brokerIsForAll(one: ManifestFacts, services: readonly string[]): Claim {
  const admitted = one.callers.filter(({ callee }) => callee === 'nats');
  const workloads = one.workloads.filter(({ app }) => services.includes(app));
  return each(
    'manifests',
    workloads,
    `services of ${one.environment} have the broker's address and are admitted to it (${admitted.length} policies)`,
    ({ app, variables }) => [
      ...when(
        !variables.some(({ name }) => name === 'NATS_URL'),
        `${one.environment}: ${app} has no NATS_URL`,
      ),
      ...when(admitted.length === 0, `${one.environment}: nothing says who may call nats`),
      ...admitted.flatMap(({ policy, from }) =>
        when(!from.includes(app), `${one.environment}: ${policy} of nats does not admit ${app}`),
      ),
    ],
  );
}

function judgeEvents({ manifests, services, code, running }: Facts) {
  const written = code.services.flatMap(({ name, eventsWritten }) =>
    eventsWritten.map((type) => ({ name, type })),
  );
  const read = code.services.flatMap(({ name, eventsRead }) => eventsRead.map((type) => ({ name, type })));
  return verdictOf([
    ...manifests.map((one) => brokerIsForAll(one, services)),
    each(
      'code',
      read,
      `subscriptions (${read.map(({ name, type }) => `${name} reads ${type}`).join(', ')}), each to an event of another service; ${new Set(written.map(({ type }) => type)).size} event types written`,
      ({ name, type }) =>
        when(
          !written.some((one) => one.type === type && one.name !== name),
          `no other service writes ${type}, which ${name} reads`,
        ),
    ),
    {
      source: 'running',
      looked: running.events.reduce((sum, { stored }) => sum + stored, 0),
      holds: `${running.events.reduce((sum, { stored }) => sum + stored, 0)} events of ${running.events.length} types stored`,
      problems: [],
    },
    each(
      'running',
      running.lateEvents,
      `events reached a reader that was down when they were written (${running.lateEvents.map(({ reader, type }) => `${reader} ${type}`).join(', ')})`,
      ({ reader, type, seenAfter }) =>
        when(seenAfter !== 1, `${type} reached ${reader} ${seenAfter} times after it came back`),
    ),
  ]);
}

/** The plan's steps before its pivot can be undone, and somebody serves every action. */
function planIsUndoable({ code }: Facts): Claim {
  const pivot = code.plan.findIndex((step) => step.pivot);
  const undoable = code.plan.slice(0, Math.max(pivot, 0));
  const served = new Map(code.services.map(({ name, actions }) => [name, actions]));
  return each(
    'code',
    code.plan,
    `steps in the plan, the ${undoable.length} before the pivot with a compensation, every action served`,
    (step) => [
      ...when(pivot < 0, 'the plan has no pivot'),
      ...when(undoable.includes(step) && step.compensate === null, `${step.name} cannot be undone`),
      ...[step.execute, step.compensate].flatMap((action) =>
        when(
          action !== null && served.get(step.service)?.includes(action) !== true,
          `${step.service} does not serve ${action}`,
        ),
      ),
    ],
  );
}

function judgeSagas(facts: Facts) {
  const { manifests, running } = facts;
  const compensated = running.sagas.filter(({ outcome }) => outcome === 'Compensated');
  const completed = running.sagas.filter(({ outcome }) => outcome === 'Completed');
  const undone = compensated.flatMap(({ stepStates }) =>
    stepStates.filter((state) => state === 'Compensated'),
  );
  const refunds = compensated.filter(({ refundedCents }) => refundedCents > 0).length;
  return verdictOf([
    ...manifests.map((one) =>
      each(
        'manifests',
        one.workloads.filter(({ app }) => app === 'sagamesh-operator'),
        `replicated operator in ${one.environment}`,
        ({ replicas }) =>
          when(replicas !== null && replicas < 2, `${one.environment}: the operator has ${replicas} replica`),
      ),
    ),
    planIsUndoable(facts),
    each('running', completed, 'sagas ended Completed, paid once', ({ name, stepStates, ...saga }) => [
      ...when(
        stepStates.some((state) => state !== 'Done'),
        `${name} is Completed with steps ${stepStates.join(', ')}`,
      ),
      ...when(
        saga.capturedCents === 0 || saga.refundedCents > 0 || saga.orderState !== 'CONFIRMED',
        `${name} is Completed, its order ${saga.orderState}, captured ${saga.capturedCents}, refunded ${saga.refundedCents}`,
      ),
    ]),
    each(
      'running',
      compensated,
      `ended Compensated (${compensated.map(({ reason }) => reason ?? 'no reason').join(', ')}), ${undone.length} steps undone, money given back in ${refunds}`,
      ({ name, stepStates, ...saga }) => [
        ...when(stepStates.includes('Done'), `${name} is Compensated with a step still done`),
        ...when(!stepStates.includes('Compensated'), `${name} undid nothing`),
        ...when(
          saga.capturedCents !== saga.refundedCents,
          `${name} is Compensated: captured ${saga.capturedCents}, refunded ${saga.refundedCents}`,
        ),
        ...when(saga.orderState !== 'CANCELLED', `${name} is Compensated and its order ${saga.orderState}`),
        ...when(saga.reservedPieces > 0, `${name} still has ${saga.reservedPieces} pieces reserved`),
      ],
    ),
  ]);
}

const sum = (handlers: readonly HandlerFact[], count: (one: HandlerFact) => number) =>
  handlers.reduce((total, one) => total + count(one), 0);

function judgeIdempotency({ code, running }: Facts) {
  const { handlers } = running;
  const routes = code.services.flatMap(({ name, writingRoutes }) =>
    writingRoutes.map((one) => ({ ...one, name })),
  );
  return verdictOf([
    {
      source: 'code',
      looked: routes.length,
      holds: `${routes.filter(({ keyed }) => keyed).length} of ${routes.length} writing routes keep their answer under an idempotency key`,
      problems: [],
    },
    each(
      'running',
      handlers,
      `handlers were given ${sum(handlers, ({ repeats }) => repeats)} messages and requests again: same answers, and of ${Math.max(0, ...handlers.map(({ rows }) => rows))} rows in all stores, at the provider and at the customers none changed`,
      ({ name, repeats, answeredOtherwise, effects }) => [
        ...when(repeats === 0, `${name} was given nothing again`),
        ...when(answeredOtherwise > 0, `${name} answered ${answeredOtherwise} repeats otherwise`),
        ...effects.map((effect) => `${name} had a second effect: ${effect}`),
      ],
    ),
  ]);
}

/** Writing routes that may do without a key, and why. */
const keylessRoutes: Readonly<Record<string, string>> = {
  'POST /api/v1/users/token': 'leaves nothing behind',
};

function judgeNonIdempotentHandlers({ code, running }: Facts) {
  const tried = new Set(running.handlers.filter(({ repeats }) => repeats > 0).map(({ name }) => name));
  const routes = code.services.flatMap(({ name, writingRoutes }) =>
    writingRoutes.map((one) => ({ ...one, name })),
  );
  return verdictOf([
    each(
      'code',
      routes,
      'writing routes, none without a key but those where a repeat can do nothing',
      ({ name, route, keyed }) =>
        when(!keyed && keylessRoutes[route] === undefined, `${name}: ${route} keeps no idempotency key`),
    ),
    each(
      'running',
      running.handlersKnown,
      'handlers known to the broker and in the code, each tried, none with a second effect',
      (name) => [
        ...when(!tried.has(name), `${name} was not tried`),
        ...running.handlers
          .filter((one) => one.name === name && one.effects.length > 0)
          .map(({ effects }) => `${name} is not idempotent: ${effects.join(', ')}`),
      ],
    ),
  ]);
}

export const messagePoints: readonly Point<Facts>[] = [
  { number: 2, name: 'events for asynchronous work', judge: judgeEvents },
  { number: 3, name: 'sagas with compensation', judge: judgeSagas },
  { number: 7, name: 'idempotent handlers', judge: judgeIdempotency },
  { number: 13, name: 'no non-idempotent handlers', judge: judgeNonIdempotentHandlers },
];
