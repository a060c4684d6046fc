/** Two operators share one Lease: one leads, one waits. Whatever becomes of the leader, no effect happens twice and no end is written over. */
import type { OrderSaga } from '@sagamesh/contracts/order-saga';
import type { OperatorName } from '@sagamesh/sandbox/system/process-catalog';
import { waitUntil } from '@sagamesh/sandbox/wait-until';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { booksOf, expectBalanced } from './support/balance.ts';
import { leaseHolder, untilLeads } from './support/lease-holder.ts';
import { patient } from './support/patient-saga.ts';
import { storedTraffic } from './support/stored-traffic.ts';
import type { StoredTraffic } from './support/stored-traffic.ts';
import { startTestSystem } from './support/test-system.ts';
import type { TestSystem } from './support/test-system.ts';
import { untilAllRun } from './support/until-all-run.ts';

let system: TestSystem;
let traffic: StoredTraffic;

beforeAll(async () => {
  system = await startTestSystem({ operators: 2 });
  traffic = storedTraffic(system.nats.url);
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
  for (let number = 0; number < count; number += 1) {
    const name = await system.applySaga({ story, ...patient });
    sagas.push({ name, uid: (await system.getSaga(name)).metadata.uid });
  }
  for (const { uid } of sagas) await traffic.untilCommand(uid, heldStep);
  return sagas;
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
    const later = await system.applySaga({ story: 'paused-leader', ...patient });
    for (const { name } of sagas) await expectPaidOnce(name);
    const sentBefore = await sentBy(oldSender, sagas);

    paused.resume();

    // By itself: nobody asked it to.
    const what = `${leader} to end itself`;
    await waitUntil(() => paused.pid === undefined, { timeoutMillis: 60_000, what });
    expect(paused.lastExit).toEqual({ code: 1, signal: null, expected: false });
    expect(await sentBy(oldSender, sagas)).toEqual(sentBefore);
    await expectPaidOnce(later);
    for (const name of [...sagas.map((saga) => saga.name), later]) expectEndStands(name);
    expect(await leaseHolder(system)).toMatch(new RegExp(`^${standby}_`));
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

/** Ids of the commands for these sagas that one process has sent, over all steps of the plan. */
async function sentBy(sender: string | undefined, sagas: readonly OpenSaga[]): Promise<readonly string[]> {
  const steps = Object.keys(patient.steps ?? {});
  const ids: string[] = [];
  for (const { uid } of sagas) {
    for (const step of steps) {
      const commands = await traffic.commands(uid, step, 'execute');
      ids.push(...commands.map(({ commandId }) => commandId).filter((id) => id.split('/')[3] === sender));
    }
  }
  return ids;
}
