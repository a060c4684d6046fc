/** Two operators share one Lease: one leads, one waits. Whatever becomes of the leader, no effect happens twice and no end is written over. */
import type { OrderSaga } from '@sagamesh/contracts/order-saga';
import type { OperatorName } from '@sagamesh/sandbox/system/process-catalog';
import { waitUntil } from '@sagamesh/sandbox/wait-until';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { booksOf, expectBalanced } from './support/balance.ts';
import { leaseHolder, untilLeads } from './support/lease-holder.ts';
import { callOf, leaseBodies, operatorRequests } from './support/operator-requests.ts';
import type { OperatorRequests } from './support/operator-requests.ts';
import { patient } from './support/patient-saga.ts';
import { storedTraffic } from './support/stored-traffic.ts';
import type { StoredTraffic } from './support/stored-traffic.ts';
import { patienceMillis, startTestSystem } from './support/test-system.ts';
import type { TestSystem } from './support/test-system.ts';
import { untilAllRun } from './support/until-all-run.ts';

let system: TestSystem;
let traffic: StoredTraffic;
let requests: OperatorRequests;

beforeAll(async () => {
  system = await startTestSystem({ operators: 2, auditBodies: leaseBodies });
  requests = operatorRequests(system);
  traffic = storedTraffic(system.nats.admin);
});

afterAll(async () => {
  await system?.stop();
});

beforeEach(() => untilAllRun(system));

const heldStep = 'reserveInventory';

interface OpenSaga {
  readonly name: string;
  readonly uid: string;
}

/** Sagas whose reservation was asked for and stands still, for inventory is paused. */
async function openSagas(story: string, count: number): Promise<readonly OpenSaga[]> {
  system.process('inventory').pause();
  const sagas: OpenSaga[] = [];
  for (let number = 0; number < count; number += 1) sagas.push(await newSaga(story));
  for (const { uid } of sagas) await traffic.untilCommand(uid, heldStep);
  return sagas;
}

async function newSaga(story: string): Promise<OpenSaga> {
  const name = await system.applySaga({ story, ...patient });
  return { name, uid: (await system.getSaga(name)).metadata.uid };
}

/** Which of the two leads now, and which waits. */
async function roles(): Promise<{ readonly leader: OperatorName; readonly standby: OperatorName }> {
  const holder = await leaseHolder(system);
  if (holder.startsWith('operator-2_')) return { leader: 'operator-2', standby: 'operator' };
  expect(holder).toMatch(/^operator_/);
  return { leader: 'operator', standby: 'operator-2' };
}

async function expectPaidOnce(name: string): Promise<void> {
  await system.waitForOutcome(name, 'Completed');
  expect(await booksOf(system, name)).toEqual({ state: 'CONFIRMED', capturedCents: 100, refundedCents: 0 });
}

/** At its end, and nothing is left to write to it. */
async function expectReleased(name: string): Promise<void> {
  await system.waitForOutcome(name, 'Completed');
  await system.watch.until(name, ({ metadata }) => metadata.finalizers.length === 0, {
    what: 'to be released',
    timeoutMillis: patienceMillis,
  });
}

/** Everything that was ever seen of it after its end says the same end. */
function expectEndStands(name: string): void {
  const ended = system.watch.versions(name).filter(({ status }: OrderSaga) => status.outcome !== undefined);
  expect(ended.length).toBeGreaterThan(0);
  for (const version of ended) expect(version.status).toEqual(ended[0]?.status);
}

/** `uid/step/direction/<nonce of the process>/<number>`: who sent it. */
const sendersOf = async (uid: string, step: string) =>
  new Set((await traffic.commands(uid, step, 'execute')).map(({ commandId }) => commandId.split('/')[3]));

describe('two operators', () => {
  it('one is killed while it leads, sagas are open: the other takes over and finishes them', async () => {
    const { leader, standby } = await roles();
    const sagas = await openSagas('killed-leader', 5);
    await system.process(leader).kill();
    system.process('inventory').resume();

    await untilLeads(system, standby);

    for (const { name, uid } of sagas) {
      await expectPaidOnce(name);
      // Both have sent it: the new leader knew nothing of the old one's commands.
      expect((await sendersOf(uid, heldStep)).size).toBe(2);
      expectEndStands(name);
    }
    await expectBalanced(system);
  });

  it('one is paused past its Lease while it leads: it does nothing more, ends itself, and the other finishes', async () => {
    const { leader, standby } = await roles();
    const sagas = await openSagas('paused-leader', 5);
    const [first] = sagas;
    const [oldSender] = await sendersOf(first?.uid ?? '', heldStep);
    const paused = system.process(leader);
    paused.pause();
    // Their answers wait in its socket: the first thing that it meets when it wakes up, and a reason to send the next commands.
    system.process('inventory').resume();
    for (const { uid } of sagas) await traffic.untilReply(uid, heldStep);
    await untilLeads(system, standby);
    const successor = await leaseHolder(system);
    const later = await newSaga('paused-leader');
    const all = [...sagas, later];
    for (const { name } of all) await expectReleased(name);
    const sentBefore = await commandsFor(all);
    const writtenBefore = await writesTo(all);
    const holders = (await requests.leaseHolders()).length;

    paused.resume();

    // By itself: nobody asked it to.
    const what = `${leader} to end itself`;
    await waitUntil(() => paused.pid === undefined, { timeoutMillis: 60_000, what });
    expect(paused.lastExit).toEqual({ code: 1, signal: null, expected: false });

    // The next life of the same process has looked at the Lease more than once and left it alone.
    const looks = (await requests.leaseReads()).length;
    await paused.start();
    const waits = `${leader} to wait for the Lease`;
    await waitUntil(async () => (await requests.leaseReads()).length >= looks + 2, {
      timeoutMillis: 60_000,
      what: waits,
    });
    expect(new Set((await requests.leaseHolders()).slice(holders))).toEqual(new Set([successor]));
    expect(await leaseHolder(system)).toBe(successor);

    // No command by anybody, no write to a saga: neither the one that woke up nor its next life had anything to add.
    expect(await commandsFor(all)).toEqual(sentBefore);
    expect(await writesTo(all)).toEqual(writtenBefore);
    expect(await sendersOf(later.uid, heldStep)).not.toContain(oldSender);
    for (const { name } of all) {
      await expectPaidOnce(name);
      expectEndStands(name);
    }
    await expectBalanced(system);
  });

  it('the one that comes back waits, and leads again when the other stops in order', async () => {
    const { leader, standby } = await roles();
    const [saga] = await openSagas('handed-over', 1);
    await system.process(leader).stop();
    expect(system.process(leader).lastExit).toMatchObject({ code: 0 });
    system.process('inventory').resume();

    await untilLeads(system, standby);

    await expectPaidOnce(saga?.name ?? '');
    await expectBalanced(system);
  });
});

/** Ids of all commands for these sagas, over all steps of the plan and in every direction: each names its sender. */
async function commandsFor(sagas: readonly OpenSaga[]): Promise<readonly string[]> {
  const steps = Object.keys(patient.steps ?? {});
  const ids: string[] = [];
  for (const { uid } of sagas) {
    for (const step of steps) {
      for (const direction of ['execute', 'compensate', 'revoke'] as const) {
        ids.push(...(await traffic.commands(uid, step, direction)).map(({ commandId }) => commandId));
      }
    }
  }
  return ids;
}

/** Every request of an operator to change one of these sagas, refused ones included, as the API server has it on record. */
async function writesTo(sagas: readonly OpenSaga[]): Promise<readonly string[]> {
  const writes = await Promise.all(sagas.map(({ name }) => requests.sagaWrites(name)));
  return writes.flat().map((write) => `${write.auditId} ${callOf(write)} ${write.name} ${write.code}`);
}
