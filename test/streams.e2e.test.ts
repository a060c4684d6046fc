/**
 * The streams are transport: whole streams deleted under open sagas, all events replayed after the sagas are gone, commands lost and late.
 * Each test sees the loss before it lets go.
 */
import { domainEventSchema } from '@sagamesh/contracts/domain-events';
import { orderSagaFinalizer } from '@sagamesh/contracts/order-saga';
import type { OrderSaga } from '@sagamesh/contracts/order-saga';
import { commandSubject, eventSubject, intakeConsumerName, streamNames } from '@sagamesh/contracts/subjects';
import { readMoney, readStock } from '@sagamesh/demo/ledgers';
import { waitUntil } from '@sagamesh/sandbox/wait-until';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { booksOf, expectBalanced } from './support/balance.ts';
import { patient } from './support/patient-saga.ts';
import { postOrder } from './support/post-order.ts';
import { sagaManifest } from './support/saga-manifest.ts';
import { storedTraffic } from './support/stored-traffic.ts';
import type { StoredTraffic } from './support/stored-traffic.ts';
import { patienceMillis, startTestSystem } from './support/test-system.ts';
import type { TestSystem } from './support/test-system.ts';
import { untilAllRun } from './support/until-all-run.ts';

let system: TestSystem;
let traffic: StoredTraffic;

beforeAll(async () => {
  // Announced again soon, and then at a steady pace.
  const announce = { ANNOUNCE_AFTER_MILLIS: '3000', ANNOUNCE_MAX_MILLIS: '3000' };
  system = await startTestSystem({ extraEnv: { order: announce } });
  traffic = storedTraffic(system.nats.admin);
});

afterAll(async () => {
  await system?.stop();
});

beforeEach(() => untilAllRun(system));

const uidOf = async (name: string) => (await system.getSaga(name)).metadata.uid;
const stepsOf = async (uid: string, direction: 'execute' | 'compensate') =>
  (await traffic.commands(uid, 'createOrder', direction)).map(({ step, attempt }) => ({ step, attempt }));

describe('a stream deleted mid-flight', () => {
  it('SAGA_COMMANDS: what was lost with it is sent again after the step timeout', async () => {
    const step = 'reserveInventory';
    await system.process('inventory').stop();
    const name = await system.applySaga({ story: 'lost-command', steps: { [step]: { timeoutSeconds: 3 } } });
    const uid = await uidOf(name);
    await traffic.untilCommand(uid, step);

    await traffic.deleteStream(streamNames.commands);
    expect(await traffic.commands(uid, step, 'execute')).toEqual([]);
    await system.process('inventory').start();

    await system.waitForOutcome(name, 'Completed');
    const sent = await traffic.commands(uid, step, 'execute');
    // The one that was lost is not there; what arrived is a later attempt.
    expect(Math.min(...sent.map(({ attempt }) => attempt))).toBeGreaterThan(1);
    await expectBalanced(system);
  });

  it('SAGA_COMMANDS: every consumer comes back, for sagas that begin afterwards', async () => {
    await traffic.deleteStream(streamNames.commands);

    const good = await system.applySaga({ story: 'after-loss', ...patient });
    const soldOut = [{ sku: 'WEBCAM', quantity: 1, unitPriceCents: 5_999 }];
    const undone = await system.applySaga({
      story: 'undone-after-loss',
      ...patient,
      order: { items: soldOut },
    });

    await system.waitForOutcome(good, 'Completed');
    const saga = await system.waitForOutcome(undone, 'Compensated');
    expect(saga.status.failure).toMatchObject({ reason: 'OutOfStock' });
    await expectBalanced(system);
  });

  it('SAGA_REPLIES: open sagas read the replies in the stream that is made again, without waiting for a step timeout', async () => {
    const step = 'reserveInventory';
    system.process('inventory').pause();
    const names = [];
    for (let number = 0; number < 5; number += 1) {
      names.push(await system.applySaga({ story: 'lost-replies', ...patient }));
    }
    const uids = await Promise.all(names.map(uidOf));
    for (const uid of uids) await traffic.untilCommand(uid, step);
    const [first = ''] = uids;
    expect(await traffic.replies(first, 'createOrder', 'execute')).not.toEqual([]);

    await traffic.deleteStream(streamNames.replies);
    expect(await traffic.everything(streamNames.replies)).toEqual([]);
    system.process('inventory').resume();

    for (const name of names) await system.waitForOutcome(name, 'Completed');
    // Not told again: what the operator had read before the loss it still knew.
    expect(await traffic.replies(first, 'createOrder', 'execute')).toEqual([]);
    await expectBalanced(system);
  });

  it('DOMAIN_EVENTS between POST and intake: the order service announces the order again', async () => {
    await system.process('operator').stop();
    const id = await postOrder(system);
    await traffic.untilEvent('order.created', id);
    const [announced] = await traffic.events('order.created', id);

    await traffic.deleteStream(streamNames.events);
    expect((await booksOf(system, id)).state).toBe('PENDING');
    expect(await traffic.everything(streamNames.events)).toEqual([]);
    // Only the operator may make it again; until then the announcement waits in the order service.
    await system.process('operator').start();
    await traffic.untilEvent('order.created', id);

    const saga = await system.waitForOutcome(id, 'Completed');
    expect(saga.spec.order.sourceEventId).toBe(announced?.eventId);
    const again = await traffic.everything(streamNames.events);
    const messageIds = again.map(({ headers }) => headers.get('Nats-Msg-Id'));
    // The first announcement went under the event's own id; this is a later one.
    expect(messageIds).not.toContain(announced?.eventId);
    await expectBalanced(system);
  });
});

describe('an order that is cancelled before its saga created it', () => {
  it('the first command is lost: the COMPENSATE at the empty place cancels the order, and the late command changes nothing', async () => {
    const step = 'createOrder';
    const id = await whileStopped('operator', () => postOrder(system));
    // The order service is away from here on, so the saga waits at its first step.
    await system.process('order').stop();
    await system.process('operator').start();
    const { metadata } = await system.waitForStep(id, step);
    const { uid } = metadata;
    await traffic.untilCommand(uid, step);
    const lost = (await traffic.everything(streamNames.commands)).filter(
      ({ subject, body }) =>
        subject === commandSubject('order', 'create') && new TextDecoder().decode(body).includes(uid),
    );
    await traffic.purge(streamNames.commands, commandSubject('order', 'create'));
    expect(await traffic.commands(uid, step, 'execute')).toEqual([]);
    await system.patchSpec(id, { cancel: true });
    await system.process('order').start();

    const saga = await system.waitForOutcome(id, 'Compensated');
    expect(saga.status.steps?.[0]).toMatchObject({ name: step, state: 'NothingToUndo' });
    expect(await booksOf(system, id)).toEqual({ state: 'CANCELLED', capturedCents: 0, refundedCents: 0 });

    const before = (await traffic.replies(uid, step, 'execute')).length;
    await traffic.publishAgain(lost);
    const isAnswered = async () => (await traffic.replies(uid, step, 'execute')).length > before;
    await waitUntil(isAnswered, { timeoutMillis: 60_000, what: 'the late command to be answered' });
    expect((await traffic.replies(uid, step, 'execute')).at(-1)).toMatchObject({ outcome: 'Fenced' });
    expect((await booksOf(system, id)).state).toBe('CANCELLED');
    await expectBalanced(system);
  });

  it('the operator ended right after the intake: the next one cancels the order without ever creating it', async () => {
    const id = await whileStopped('operator', () => postOrder(system));
    await traffic.untilEvent('order.created', id);
    await applyAsTheIntakeDoes(id);
    const uid = await uidOf(id);
    await system.patchSpec(id, { cancel: true });
    await system.process('operator').start();

    await system.waitForOutcome(id, 'Compensated');
    expect(await stepsOf(uid, 'execute')).toEqual([]);
    expect(await stepsOf(uid, 'compensate')).toMatchObject([{ step: 'createOrder' }]);
    expect((await booksOf(system, id)).state).toBe('CANCELLED');
    await expectBalanced(system);
  });
});

describe('all events once more, after the sagas were deleted', () => {
  it('published again: the new sagas end OrderIdTaken and the ledgers stay as they are', async () => {
    const ids = [
      await postOrder(system),
      await postOrder(system, { paymentMethod: 'pm_card_chargeDeclined' }),
      await postOrder(system),
    ];
    // The third is deleted wherever it happens to be.
    const [bought = '', declined = ''] = ids;
    await system.waitForOutcome(bought, 'Completed');
    await system.waitForOutcome(declined, 'Compensated');
    for (const id of ids) await traffic.untilEvent('order.created', id);
    const first = await deleteSagas(ids);
    const ledgers = await readLedgers();

    await traffic.publishAgain(await traffic.everything(streamNames.events));

    await expectTakenAgain(ids, first);
    expect(await readLedgers()).toEqual(ledgers);
    await expectBalanced(system);
  });

  it('read again from the start by an intake whose consumer was lost: likewise', async () => {
    const id = await postOrder(system);
    await system.waitForOutcome(id, 'Completed');
    const first = await deleteSagas([id]);
    const ledgers = await readLedgers();

    await whileStopped('operator', () => traffic.deleteConsumer(streamNames.events, intakeConsumerName));
    await system.process('operator').start();

    await expectTakenAgain([id], first);
    expect(await readLedgers()).toEqual(ledgers);
    await expectBalanced(system);
  });
});

/** Leaves it stopped. */
async function whileStopped<T>(name: 'operator', act: () => Promise<T>): Promise<T> {
  await system.process(name).stop();
  return act();
}

/** What the intake writes for the stored order.created: the finalizer is there from the start. */
async function applyAsTheIntakeDoes(id: string): Promise<void> {
  const schema = domainEventSchema('order.created');
  const events = (await traffic.everything(streamNames.events))
    .filter(({ subject }) => subject === eventSubject('order.created'))
    .map(({ body }) => schema.parse(JSON.parse(new TextDecoder().decode(body))));
  const event = events.find(({ aggregateId }) => aggregateId === id);
  if (event === undefined) throw new Error(`no order.created of ${id} is stored`);
  const order = { ...event.payload.order, sourceEventId: event.eventId };
  const manifest = sagaManifest({ name: id, order });
  const metadata = { ...manifest.metadata, finalizers: [orderSagaFinalizer] };
  await system.shop(['create', '-f', '-'], JSON.stringify({ ...manifest, metadata }));
}

/** Answers the uids that are gone. */
async function deleteSagas(names: readonly string[]): Promise<ReadonlySet<string>> {
  const uids = new Set(await Promise.all(names.map(uidOf)));
  for (const name of names) await system.deleteSaga(name);
  for (const name of names) await system.watch.untilGone(name, patienceMillis);
  return uids;
}

async function expectTakenAgain(names: readonly string[], gone: ReadonlySet<string>): Promise<void> {
  for (const name of names) {
    const hasEnded = ({ metadata, status }: OrderSaga) =>
      !gone.has(metadata.uid) && status.outcome !== undefined;
    const options = { what: 'of the replayed event to end', timeoutMillis: patienceMillis };
    const { status } = await system.watch.until(name, hasEnded, options);
    expect(status).toMatchObject({ outcome: 'Compensated', failure: { reason: 'OrderIdTaken' } });
  }
}

const readLedgers = async () => ({ stock: await readStock(system), money: await readMoney(system) });
