/**
 * The rights at the NATS server are enough and no more: every right is used by the run below, or stands in a list with its reason. (That they
 * are enough, every end-to-end file shows: it fails when the server refused a process anything.)
 */
import { accessOfStepService, adminClient, brokerAccesses } from '@sagamesh/contracts/broker-access';
import { actionsOf, bundledServiceNames, eventsReadBy } from '@sagamesh/contracts/broker-roles';
import { defaultPlan } from '@sagamesh/contracts/order-saga';
import { commandSubject, deadLetterSubject, eventSubject, streamNames } from '@sagamesh/contracts/subjects';
import { readStoredMessages } from '@sagamesh/runtime/stored-messages';
import { natsConnectOptions } from '@sagamesh/sandbox/nats-users';
import { waitUntil } from '@sagamesh/sandbox/wait-until';
import { connect } from 'nats';
import type { NatsConnection } from 'nats';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { unusedGrants, usageIn } from './support/nats-usage.ts';
import { postOrder } from './support/post-order.ts';
import { answer, startScriptedService } from './support/scripted-service.ts';
import { patienceMillis, startTestSystem } from './support/test-system.ts';
import type { TestSystem } from './support/test-system.ts';

/** Rights that an ordinary run does not need. */
const neededRarely: Readonly<Record<string, string>> = {
  'operator publish $JS.FC.SAGA_REPLIES.>':
    'answers flow control, which begins when many replies are on their way',
  'user publish dlq.user': 'for an event in its outbox that can never be published',
};

const partnerActions = ['hold', 'unhold'];

let system: TestSystem;
let admin: NatsConnection;

beforeAll(async () => {
  system = await startTestSystem({
    stepServices: [accessOfStepService('partner', partnerActions)],
    nats: { trace: true },
  });
  admin = await connect({ ...natsConnectOptions(system.nats.admin), name: adminClient });
});

afterAll(async () => {
  await admin?.close();
  await system?.stop();
});

/** Completed, declined, sold out, and refunded: between them every command, reply and event of an order. */
async function runSagas(): Promise<void> {
  const partner = await startScriptedService({
    login: system.nats.login('partner'),
    actions: partnerActions,
  });
  const hold = { name: 'hold', service: 'partner', execute: 'hold', compensate: 'unhold' };
  partner.script('refunded', 'execute', answer('Rejected', 'NoRoom'));
  const webcam = { sku: 'WEBCAM', quantity: 1, unitPriceCents: 5_999 };
  const confirmAt = defaultPlan.findIndex(({ pivot }) => pivot === true);
  const plan = [...defaultPlan.slice(0, confirmAt), hold, ...defaultPlan.slice(confirmAt)];
  const bought = await postOrder(system);
  const undone = [
    await postOrder(system, { paymentMethod: 'pm_card_chargeDeclined' }),
    await system.applySaga({ story: 'sold-out', order: { items: [webcam] } }),
    await system.applySaga({ name: 'refunded', order: { id: 'refunded' }, plan }),
  ];
  await system.waitForOutcome(bought, 'Completed');
  for (const name of undone) await system.waitForOutcome(name, 'Compensated');
  await partner.stop();
}

/** One on every subject that somebody reads, so that each reader acknowledges and buries. */
async function sendGarbage(): Promise<void> {
  const subjects = bundledServiceNames.flatMap((service) => [
    ...actionsOf(service).map((action) => commandSubject(service, action)),
    ...eventsReadBy[service].map((eventType) => eventSubject(eventType)),
  ]);
  for (const subject of subjects) await admin.jetstream().publish(subject, 'garbage');
  const buriers = ['operator', 'order', 'inventory', 'payment', 'notification'].map(deadLetterSubject);
  const areBuried = async () => {
    const letters = await readStoredMessages(system.nats.admin, streamNames.deadLetters);
    return buriers.every((subject) => letters.some((letter) => letter.subject === subject));
  };
  await waitUntil(areBuried, { timeoutMillis: patienceMillis, what: 'every reader to bury its garbage' });
}

async function register(): Promise<void> {
  const response = await fetch(`${system.url('user')}/api/v1/users`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'idempotency-key': 'register-1' },
    body: JSON.stringify({ name: 'Ada', email: 'ada@example.org', password: 'an engine that weaves' }),
  });
  expect(response.status).toBe(201);
  const isTold = async () =>
    (await readStoredMessages(system.nats.admin, streamNames.events)).some(
      ({ subject }) => subject === eventSubject('user.registered'),
    );
  await waitUntil(isTold, { timeoutMillis: patienceMillis, what: 'user.registered to be stored' });
}

/** Settings that somebody changed by hand are put right by an operator that starts. */
async function changeStreams(): Promise<void> {
  const jsm = await admin.jetstreamManager();
  const names = Object.values(streamNames);
  const sizeOf = async (name: string) => (await jsm.streams.info(name)).config.max_bytes;
  const sizes = await Promise.all(names.map(sizeOf));
  for (const name of names) await jsm.streams.update(name, { max_bytes: 64 * 1024 * 1024 });
  await system.process('operator').stop();
  await system.process('operator').start();
  const areRight = async () => (await Promise.all(names.map(sizeOf))).join() === sizes.join();
  await waitUntil(areRight, { timeoutMillis: patienceMillis, what: 'the streams to be as defined' });
}

it('every right is used, or there is a reason for it', async () => {
  await runSagas();
  await sendGarbage();
  await register();
  await changeStreams();
  for (const name of [...bundledServiceNames, 'operator'] as const) {
    expect(await (await fetch(`${system.url(name)}/health`)).json()).toMatchObject({ status: 'healthy' });
  }

  const processes = brokerAccesses.filter(({ name }) => name !== adminClient);
  const unused = unusedGrants(processes, usageIn(system.nats.logFile));
  expect(unused.filter((grant) => neededRarely[grant] === undefined)).toEqual([]);
});

it('the reasons speak of rights that exist', () => {
  const grants = brokerAccesses.flatMap(({ name, publish }) =>
    publish.map((subject) => `${name} publish ${subject}`),
  );
  for (const grant of Object.keys(neededRarely)) expect(grants).toContain(grant);
});
