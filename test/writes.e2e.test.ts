/**
 * Every write counts (docs/architecture.md): how often the operator writes, what it writes and what it may, read from the audit log of a real API
 * server. Lease renewals and the delete of an expired saga are counted apart.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { accessOfStepService } from '@sagamesh/contracts/broker-access';
import type { OrderSaga } from '@sagamesh/contracts/order-saga';
import { streamNames } from '@sagamesh/contracts/subjects';
import { countByVerb, isWrite } from '@sagamesh/sandbox/audit-log';
import type { AuditRecord } from '@sagamesh/sandbox/audit-log';
import { waitUntil } from '@sagamesh/sandbox/wait-until';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { imbalances } from './support/balance.ts';
import { verbsGrantedToOperator } from './support/granted-verbs.ts';
import { readMetric } from './support/metric-reader.ts';
import { callOf, isSagaRequest, operatorRequests, sagaBodies } from './support/operator-requests.ts';
import type { OperatorRequests } from './support/operator-requests.ts';
import type { SagaChange } from './support/saga-manifest.ts';
import { answer, silence, startScriptedService } from './support/scripted-service.ts';
import type { ScriptedService } from './support/scripted-service.ts';
import { storedTraffic } from './support/stored-traffic.ts';
import { patienceMillis, startTestSystem } from './support/test-system.ts';
import type { TestSystem } from './support/test-system.ts';

let system: TestSystem;
/** Of the pivot, and of the step behind it. */
let decider: ScriptedService;
let partner: ScriptedService;
let requests: OperatorRequests;

beforeAll(async () => {
  system = await startTestSystem({
    auditBodies: sagaBodies,
    stepServices: [accessOfStepService('decider', ['decide']), accessOfStepService('partner', ['ship'])],
  });
  requests = operatorRequests(system);
  const { login } = system.nats;
  decider = await startScriptedService({ login: login('decider'), actions: ['decide'] });
  partner = await startScriptedService({ login: login('partner'), actions: ['ship'] });
});

afterAll(async () => {
  await decider?.stop();
  await partner?.stop();
  await system?.stop();
});

/** The last write is in the audit log, too: the finalizer is gone. */
async function untilReleased(name: string): Promise<OrderSaga> {
  return system.watch.until(
    name,
    ({ status, metadata }) => status.outcome !== undefined && metadata.finalizers.length === 0,
    { what: 'to end and be released', timeoutMillis: patienceMillis },
  );
}

function durationMillis({ status }: OrderSaga): number {
  return Date.parse(status.finishedAt ?? '') - Date.parse(status.startedAt ?? '');
}

const happyCalls = [
  'patch ordersagas', // the finalizer
  'patch ordersagas/status', // accepted
  'patch ordersagas/status', // the end
  'patch ordersagas', // the finalizer's release
];

/** Writes beyond the four: one per step transition, and at most one a second. */
function progressWritesMax(ended: OrderSaga): number {
  const transitions = 2 * (ended.status.steps?.length ?? 0);
  return Math.min(transitions, Math.ceil(durationMillis(ended) / 1_000));
}

describe('a happy saga', () => {
  it('that ends within a second is written four times, and tells two Events', async () => {
    const ended = await quickSaga();
    const { name } = ended.metadata;
    expect((await requests.sagaWrites(name)).map(callOf)).toEqual(happyCalls);
    await system.waitForEvent(name, 'SagaCompleted');
    expect((await requests.eventWrites(name)).map(callOf)).toEqual(['create events', 'create events']);
  });

  /** How long a saga takes is the machine's affair, so some are tried. */
  async function quickSaga(): Promise<OrderSaga> {
    for (let attempt = 1; attempt <= 30; attempt += 1) {
      const name = await system.applySaga({ story: 'quick' });
      await system.waitForOutcome(name, 'Completed');
      const ended = await untilReleased(name);
      if (durationMillis(ended) < 1_000) return ended;
    }
    throw new Error('no saga ended within a second on this machine');
  }

  it('that came in over HTTP is written four times, too: the intake creates it with its finalizer', async () => {
    const name = await postOrder('counted');
    await system.waitForOutcome(name, 'Completed');
    const ended = await untilReleased(name);
    const calls = (await requests.sagaWrites(name)).map(callOf);
    expect(calls[0]).toBe('create ordersagas');
    expect(calls.slice(1).filter((call) => call === 'patch ordersagas')).toHaveLength(1);
    expect(calls.length).toBeLessThanOrEqual(4 + progressWritesMax(ended));
  });

  it('that takes some seconds shows where it waits, at no more than one write per transition and second', async () => {
    const name = await system.applySaga({ story: 'slow', order: { paymentMethod: 'pm_card_slow' } });
    await system.waitForOutcome(name, 'Completed');
    const ended = await untilReleased(name);
    const shown = system.watch.versions(name).map(({ status }) => status.currentStep);
    expect(durationMillis(ended)).toBeGreaterThan(2_500);
    expect(shown).toContain('processPayment');
    const writes = await requests.sagaWrites(name);
    expect(writes.length).toBeLessThanOrEqual(4 + progressWritesMax(ended));
    expect(progressGapsMillis(writes).every((gap) => gap > 900)).toBe(true);
    await system.waitForEvent(name, 'SagaCompleted');
    expect(await requests.eventWrites(name)).toHaveLength(2);
  });
});

/** Between a status write and the next one, leaving out the terminal write, which waits for nothing. */
function progressGapsMillis(writes: readonly AuditRecord[]): readonly number[] {
  const times = writes
    .filter(({ resource }) => resource === 'ordersagas/status')
    .slice(0, -1)
    .map(({ receivedAt }) => Date.parse(receivedAt));
  return times.slice(1).map((time, index) => time - (times[index] ?? 0));
}

const postedSchema = z.object({ id: z.string() });

async function postOrder(key: string): Promise<string> {
  const response = await fetch(`${system.url('order')}/api/v1/orders`, {
    method: 'POST',
    headers: {
      authorization: `Bearer ${await system.tokens.token({ customerId: 'grace' })}`,
      'content-type': 'application/json',
      'idempotency-key': `"${key}"`,
    },
    body: JSON.stringify({ items: [{ sku: 'BULK', quantity: 1 }], paymentMethod: 'pm_card_visa' }),
  });
  expect(response.status).toBe(201);
  return postedSchema.parse(await response.json()).id;
}

const decide = { name: 'decide', service: 'decider', execute: 'decide', pivot: true };
const eager = { initialMillis: 100, factor: 1, maxMillis: 100, maxAttempts: 100 };
const ship = { name: 'ship', service: 'partner', execute: 'ship', timeoutSeconds: 3_600, retry: eager };

interface AttemptsSeen {
  readonly attempts: number;
  /** All else that a write may be for. */
  readonly rest: string;
}

function attemptsSeen(name: string, step: string): readonly AttemptsSeen[] {
  return system.watch.versions(name).map(({ status }) => ({
    attempts: status.steps?.find((one) => one.name === step)?.attempts ?? 0,
    rest: JSON.stringify([
      status.conditions?.map(({ type, status: truth, reason }) => [type, truth, reason]),
      status.steps?.map(({ state }) => state),
      status.outcome,
    ]),
  }));
}

/** The attempts that were written for their own sake: nothing else had changed. */
const writtenForAttempts = (seen: readonly AttemptsSeen[]) =>
  seen.filter(
    (one, index) => one.rest === seen[index - 1]?.rest && one.attempts !== seen[index - 1]?.attempts,
  );

describe('a saga that tries and tries', () => {
  it('writes attempts that change nothing else only when a power of two is reached', async () => {
    const id = 'tries';
    const story: SagaChange = { order: { id }, plan: [decide, ship] };
    partner.script(id, 'execute', answer('Failed', 'Busy', 'come back later'));
    const name = await system.applySaga(story);
    await waitUntil(() => shipped(id) >= 70, { timeoutMillis: patienceMillis, what: '70 attempts' });
    const tried = shipped(id);
    partner.script(id, 'execute', answer('Executed'));
    await system.waitForOutcome(name, 'Completed');

    const seen = attemptsSeen(name, 'ship');
    const powers = seen.map(({ attempts }) => Math.floor(Math.log2(Math.max(attempts, 0.5))));
    const forAttempts = writtenForAttempts(seen);
    expect(forAttempts.length).toBeGreaterThan(2);
    expect(forAttempts.length).toBeLessThanOrEqual(Math.floor(Math.log2(tried)) + 1);
    for (const one of forAttempts) {
      const index = seen.indexOf(one);
      expect(powers[index]).toBeGreaterThan(powers[index - 1] ?? 0);
    }
  });

  const shipped = (id: string) => partner.received(id).length;

  it('writes a handful of times while its pivot is silent and its undo is refused for long', async () => {
    const id = 'refused-undo';
    decider.script(id, 'execute', silence);
    decider.script(id, 'revoke', answer('Failed', 'Busy', 'come back later'));
    const retry = { initialMillis: 100, factor: 1, maxMillis: 100, maxAttempts: 1 };
    const name = await system.applySaga({
      order: { id },
      plan: [{ ...decide, timeoutSeconds: 1, retry }],
    });
    await system.waitForReason(name, 'RevokeStuck');
    const revokes = () => decider.received(id).filter(({ direction }) => direction === 'revoke').length;
    await waitUntil(() => revokes() >= 40, { timeoutMillis: patienceMillis, what: '40 revokes' });
    const writes = await requests.sagaWrites(name);
    // Finalizer, accepted, attempt 1, failure, stuck, and 2, 4, 8, 16, 32 of the attempts.
    expect(writes.length).toBeLessThanOrEqual(10);
    decider.script(id, 'revoke', answer('Revoked'));
    await system.waitForOutcome(name, 'Compensated');
  });
});

describe('what the operator asks of the API server', () => {
  it('uses every verb that its Role grants, and no other', async () => {
    await expire();
    await repeatAnEvent();
    await askForATakenName();
    const granted = verbsGrantedToOperator();
    const used = new Set((await requests.all()).map(callOf));
    const unused = granted.filter((call) => !used.has(call));
    const notGranted = [...used].filter((call) => !granted.includes(call));
    expect({ unused, notGranted }).toEqual({ unused: [], notGranted: [] });
    const refused = (await requests.all()).filter(({ code }) => code === 401 || code === 403);
    expect(refused).toEqual([]);
  });

  it('carries the resourceVersion and uid with every write to an OrderSaga', async () => {
    const writes = (await requests.all()).filter((record) => isWrite(record) && isSagaRequest(record));
    const changes = writes.filter(({ verb }) => verb !== 'create');
    expect(new Set(changes.map(callOf))).toEqual(
      new Set(['patch ordersagas', 'patch ordersagas/status', 'delete ordersagas']),
    );
    const unguarded = changes.filter(({ requestBody }) => !guardedSchema.safeParse(requestBody).success);
    expect(unguarded).toEqual([]);
  });

  const guard = z.object({ resourceVersion: z.string().min(1), uid: z.uuid() });
  const guardedSchema = z.union([z.object({ metadata: guard }), z.object({ preconditions: guard })]);

  /** TTL: the delete is one request, and the only one after the end. */
  async function expire(): Promise<void> {
    const name = await system.applySaga({ story: 'short-lived', ttlSecondsAfterFinished: 1 });
    await system.watch.untilGone(name, patienceMillis);
    const calls = (await requests.sagaWrites(name)).map(callOf);
    expect(calls.filter((call) => call === 'delete ordersagas')).toHaveLength(1);
    expect(calls.at(-1)).toBe('delete ordersagas');
  }

  /** The same thing told twice is one Event that counts. */
  async function repeatAnEvent(): Promise<void> {
    const id = 'told-twice';
    decider.script(id, 'execute', silence);
    partner.script(id, 'execute', silence);
    const name = await system.applySaga({
      order: { id },
      plan: [decide, ship, { ...ship, name: 'shipTheRest' }],
    });
    for (const service of [decider, partner]) {
      await service.untilReceived(id, 'execute');
      await system.patchSpec(name, { suspend: true });
      await service.reply(id, 'execute');
      await system.watch.until(name, isSuspended, {
        what: 'to be held back',
        timeoutMillis: patienceMillis,
        since: 'now',
      });
      await system.patchSpec(name, { suspend: false });
    }
    await partner.untilReceived(id, 'execute', 2);
    await partner.reply(id, 'execute');
    await system.waitForOutcome(name, 'Completed');
    await waitUntil(async () => (await requests.eventWrites(name)).some(({ verb }) => verb === 'patch'), {
      timeoutMillis: patienceMillis,
      what: 'an Event to be counted up',
    });
  }

  const isSuspended = ({ status }: OrderSaga) =>
    status.conditions?.some(({ reason }) => reason === 'Suspended') === true;

  /** An announcement heard again finds its own saga under the name, by reading it. */
  async function askForATakenName(): Promise<void> {
    await system.waitForOutcome(await postOrder('announced again'), 'Completed');
    const traffic = storedTraffic(system.nats.admin);
    const created = (await traffic.everything(streamNames.events)).filter(
      ({ subject }) => subject === 'events.order.created',
    );
    const creates = async () => countByVerb(await requests.all())['create ordersagas'] ?? 0;
    const before = await creates();
    await traffic.publishAgain(created);
    await waitUntil(async () => (await creates()) > before, {
      timeoutMillis: patienceMillis,
      what: 'the intake to meet its own saga',
    });
  }
});

describe('idle', () => {
  it('for a minute writes nothing but Lease renewals, reads nothing but its watches, and looks at nothing', async () => {
    expect(await imbalances(system)).toEqual([]);
    const reconciles = () => readMetric(system.url('operator'), 'controller_runtime_reconcile_total');
    await untilQuiet(reconciles);
    const cpuBefore = await readMetric(system.url('operator'), 'process_cpu_seconds_total');
    const from = Date.now();
    // The minute is what is promised. A timer of a step's time limit, 15 s at most here, may still look at a saga that has ended since.
    await delay(20_000);
    const before = await reconciles();
    await delay(40_000);

    const during = (await requests.all()).filter(
      ({ receivedAt, stage }) => stage === 'ResponseComplete' && Date.parse(receivedAt) > from,
    );
    const { 'update leases': renewals = 0, 'watch ordersagas': _watches, ...others } = countByVerb(during);
    expect(others).toEqual({});
    expect(renewals).toBeGreaterThan(10);
    expect(renewals).toBeLessThanOrEqual(35);
    expect((await reconciles()) - before).toBe(0);
    // An operator that turns in circles without asking anything shows here alone. Own CPU time, so a busy machine adds nothing.
    const cpu = (await readMetric(system.url('operator'), 'process_cpu_seconds_total')) - cpuBefore;
    expect(cpu).toBeLessThan(15);
  });

  /** No request of the operator but Lease renewals, and no look at a saga, for a few seconds. */
  async function untilQuiet(reconciles: () => Promise<number>): Promise<void> {
    let last = -1;
    const isQuiet = async () => {
      const now = await reconciles();
      const unchanged = now === last;
      last = now;
      return unchanged;
    };
    await waitUntil(isQuiet, { timeoutMillis: patienceMillis, intervalMillis: 3_000, what: 'quiet' });
  }
});
