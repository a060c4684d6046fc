/** Sagas that cannot go on: what people see of them, how they heal, and the way out by hand. On the whole system. */
import { accessOfStepService } from '@sagamesh/contracts/broker-access';
import type { Direction } from '@sagamesh/contracts/messages';
import type { OrderSaga } from '@sagamesh/contracts/order-saga';
import { streamNames } from '@sagamesh/contracts/subjects';
import { readStoredMessages } from '@sagamesh/runtime/stored-messages';
import { waitUntil } from '@sagamesh/sandbox/wait-until';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { booksOf, imbalances } from './support/balance.ts';
import { kstatusOf, reasonsSeen, unlawfulConditions } from './support/kstatus.ts';
import type { SagaChange } from './support/saga-manifest.ts';
import { conditionsOf } from './support/saga-watch.ts';
import { answer, silence, startScriptedService } from './support/scripted-service.ts';
import type { ScriptedAnswer, ScriptedService } from './support/scripted-service.ts';
import { patienceMillis, startTestSystem } from './support/test-system.ts';
import type { TestSystem } from './support/test-system.ts';

let system: TestSystem;
let partner: ScriptedService;
const insurance = ['insure', 'uninsure'];

beforeAll(async () => {
  const actions = ['hold', 'unhold', 'decide', 'ship'];
  system = await startTestSystem({
    stepServices: [accessOfStepService('partner', actions), accessOfStepService('insurer', insurance)],
  });
  partner = await startScriptedService({ login: system.nats.login('partner'), actions });
});

afterAll(async () => {
  await partner?.stop();
  await system?.stop();
});

/** A short temper: the budget of an acknowledgement that is never given up is spent after two attempts. */
const hasty = { timeoutSeconds: 3_600, retry: { maxAttempts: 1, initialMillis: 10 } };
const createOrder = { name: 'createOrder', service: 'order', execute: 'create', compensate: 'cancel' };
const reserve = {
  name: 'reserveInventory',
  service: 'inventory',
  execute: 'reserve',
  compensate: 'release',
};
const pay = { name: 'processPayment', service: 'payment', execute: 'charge', compensate: 'refund' };
const hold = { name: 'hold', service: 'partner', execute: 'hold', compensate: 'unhold', ...hasty };
const confirm = { name: 'confirmOrder', service: 'order', execute: 'confirm', pivot: true };
const decide = { name: 'decide', service: 'partner', execute: 'decide', pivot: true, ...hasty };
const settle = { name: 'settleInventory', service: 'inventory', execute: 'settle' };
const ship = { name: 'ship', service: 'partner', execute: 'ship', ...hasty };

const paid = { state: 'CONFIRMED', capturedCents: 100, refundedCents: 0 };
const refunded = { state: 'CANCELLED', capturedCents: 100, refundedCents: 100 };

const broken = answer('Failed', 'OutOfOrder', 'the machine is broken');

/** Applies the saga with the partner's answers set beforehand. */
async function apply(
  story: string,
  plan: SagaChange['plan'],
  script: Readonly<Partial<Record<Direction, ScriptedAnswer>>>,
): Promise<string> {
  const id = `${story}-stuck`;
  for (const direction of ['execute', 'compensate', 'revoke'] as const) {
    const scripted = script[direction];
    if (scripted) partner.script(id, direction, scripted);
  }
  return system.applySaga({ story, order: { id }, ...(plan ? { plan } : {}) });
}

async function cancelOnceAsked(name: string): Promise<void> {
  await partner.untilReceived(name, 'execute');
  await system.patchSpec(name, { cancel: true });
}

/** Stuck as people see it: a Warning Event that names the step, and conditions that tools read as failed. */
async function expectStuck(name: string, reason: string, step: string): Promise<void> {
  const saga = await system.waitForReason(name, reason);
  expect(conditionsOf(saga)).toEqual({
    Succeeded: `Unknown/${reason}`,
    Ready: `False/${reason}`,
    Reconciling: `False/${reason}`,
    Stalled: `True/${reason}`,
  });
  expect(kstatusOf(saga)).toBe('Failed');
  expect(saga.status.outcome).toBeUndefined();
  expect(saga.status.currentStep).toBe(step);
  const events = await system.waitForEvent(name, reason);
  const told = events.find((event) => event.reason === reason);
  expect(told).toMatchObject({ type: 'Warning', note: expect.stringContaining(step) as unknown });
}

async function commandCount(uid: string): Promise<number> {
  const messages = await readStoredMessages(system.nats.admin, streamNames.commands);
  return messages.filter(({ body }) => Buffer.from(body).toString('utf8').includes(uid)).length;
}

describe('a plan that names a service which nobody runs', () => {
  const plan = [
    createOrder,
    { name: 'insure', service: 'insurer', execute: 'insure', compensate: 'uninsure' },
    pay,
    confirm,
  ];

  it('sends nothing and says whom it misses; it starts by itself when the service comes', async () => {
    const name = await apply('unserved', plan, {});
    const saga = await system.waitForReason(name, 'ServiceUnknown');
    expect(conditionsOf(saga)).toEqual({
      Succeeded: 'Unknown/ServiceUnknown',
      Ready: 'False/ServiceUnknown',
      Reconciling: 'True/ServiceUnknown',
      Stalled: 'False/ServiceUnknown',
    });
    expect(saga.status.conditions?.[0]?.message).toContain('saga.cmd.insurer.insure');
    expect(saga.metadata.finalizers).toEqual([]);
    expect(await commandCount(saga.metadata.uid)).toBe(0);
    await system.waitForEvent(name, 'ServiceUnknown');

    const login = system.nats.login('insurer');
    const insurer = await startScriptedService({ login, actions: insurance });
    try {
      const ended = await system.waitForOutcome(name, 'Completed');
      expect(ended.status.progress).toBe('4/4');
      expect(insurer.received(name)).toHaveLength(1);
    } finally {
      await insurer.stop();
    }
  });

  it('can be deleted at once', async () => {
    const insure = { name: 'insure', service: 'nobody', execute: 'insure', compensate: 'undo' };
    const name = await apply('unserved-deleted', [createOrder, insure, confirm], {});
    await system.waitForReason(name, 'ServiceUnknown');
    await system.shop(['delete', `osaga/${name}`, '--timeout=120s']);
    expect((await booksOf(system, name)).state).toBeUndefined();
  });
});

describe('an undo that fails past its budget', () => {
  it('shows CompensationStuck, is tried on, and heals', async () => {
    const plan = [createOrder, reserve, pay, hold, confirm, settle];
    const name = await apply('undo', plan, { execute: silence, compensate: broken });
    await cancelOnceAsked(name);
    await expectStuck(name, 'CompensationStuck', 'hold');
    partner.script(name, 'compensate', answer('Compensated'));
    const saga = await system.waitForOutcome(name, 'Compensated');
    expect(saga.status.failure?.reason).toBe('Cancelled');
    expect(
      partner.received(name).filter(({ direction }) => direction === 'compensate').length,
    ).toBeGreaterThan(2);
    expect(await booksOf(system, name)).toEqual(refunded);
  });
});

describe('a revoke that fails past its budget', () => {
  const plan = [createOrder, reserve, pay, decide];

  it('shows RevokeStuck and undoes nothing before the pivot has answered; then it heals', async () => {
    const name = await apply('revoke', plan, { execute: silence, revoke: broken });
    await cancelOnceAsked(name);
    await expectStuck(name, 'RevokeStuck', 'decide');
    expect(await booksOf(system, name)).toEqual({ state: 'PENDING', capturedCents: 100, refundedCents: 0 });
    partner.script(name, 'revoke', answer('Revoked'));
    await system.waitForOutcome(name, 'Compensated');
    expect(await booksOf(system, name)).toEqual(refunded);
  });

  it('that is answered PivotPassed makes the saga go forward, and tells who cancelled that it was too late', async () => {
    const raced = await apply('raced', [createOrder, reserve, decide, settle], {
      execute: silence,
      revoke: answer('PivotPassed'),
    });
    await cancelOnceAsked(raced);
    const saga = await system.waitForOutcome(raced, 'Completed');
    expect(saga.status.failure).toBeUndefined();
    expect(saga.status.progress).toBe('4/4');
    await system.waitForEvent(raced, 'CancelTooLate');
  });
});

describe('a step after the pivot', () => {
  const plan = [createOrder, reserve, pay, confirm, ship, settle];

  it('that says no shows StepStuck: there is only forward; it heals when the service says yes', async () => {
    const name = await apply('no', plan, { execute: answer('Rejected', 'NoTruck', 'no truck today') });
    await expectStuck(name, 'StepStuck', 'ship');
    partner.script(name, 'execute', answer('Executed'));
    await system.waitForOutcome(name, 'Completed');
    expect(await booksOf(system, name)).toEqual(paid);
  });

  it('that fails past its budget shows StepStuck, too', async () => {
    const name = await apply('broken', plan, { execute: broken });
    await expectStuck(name, 'StepStuck', 'ship');
    partner.script(name, 'execute', answer('Executed'));
    await system.waitForOutcome(name, 'Completed');
    expect(await booksOf(system, name)).toEqual(paid);
  });

  it('can be abandoned by hand: the rest is done, and the saga ends Abandoned', async () => {
    const name = await apply('given-up', plan, { execute: answer('Rejected', 'NoTruck', 'no truck today') });
    await expectStuck(name, 'StepStuck', 'ship');
    await system.annotate(name, { 'sagamesh.dev/abandon-step': 'ship' });
    const saga = await system.waitForOutcome(name, 'Abandoned');
    expect(saga.status.abandoned).toMatchObject([
      { step: 'ship', direction: 'execute', by: 'not stated; see the audit log' },
    ]);
    expect(saga.status.steps?.map(({ state }) => state)).toEqual([
      'Done',
      'Done',
      'Done',
      'Done',
      'Abandoned',
      'Done',
    ]);
    expect(await booksOf(system, name)).toEqual(paid);
  });
});

describe('abandon-step', () => {
  it('gives up one undo that nobody answers: the others are done, who and when is recorded, a Warning tells it', async () => {
    const shortTemper = { timeoutSeconds: 1, retry: { maxAttempts: 1, initialMillis: 10 } };
    const plan = [createOrder, { ...reserve, ...shortTemper }, hold, confirm, settle];
    const name = await apply('abandoned', plan, { execute: silence });
    await partner.untilReceived(name, 'execute');
    system.process('inventory').pause();
    try {
      await system.patchSpec(name, { cancel: true });
      await expectStuck(name, 'CompensationStuck', 'reserveInventory');
      const before = Date.now();
      await system.annotate(name, {
        'sagamesh.dev/abandoned-by': 'grace, on call',
        'sagamesh.dev/abandon-step': 'reserveInventory',
      });
      const saga = await system.waitForOutcome(name, 'Abandoned');
      await expectAbandoned(saga, before);
      expect((await system.getSaga(name)).metadata.finalizers).toEqual([]);
    } finally {
      system.process('inventory').resume();
    }
    expect((await booksOf(system, name)).state).toBe('CANCELLED');
  });

  async function expectAbandoned(saga: OrderSaga, sinceMillis: number): Promise<void> {
    const { name } = saga.metadata;
    expect(conditionsOf(saga)).toEqual({
      Succeeded: 'False/Abandoned',
      Ready: 'False/Abandoned',
      Reconciling: 'False/Abandoned',
      Stalled: 'True/Abandoned',
    });
    expect(kstatusOf(saga)).toBe('Failed');
    expect(saga.status.abandoned).toMatchObject([
      { step: 'reserveInventory', direction: 'compensate', by: 'grace, on call' },
    ]);
    expect(Date.parse(saga.status.abandoned?.[0]?.at ?? '')).toBeGreaterThanOrEqual(sinceMillis - 1_000);
    expect(saga.status.steps?.map((step) => `${step.name} ${step.state}`)).toEqual([
      'createOrder Compensated',
      'reserveInventory Abandoned',
      'hold Compensated',
      'confirmOrder Revoked',
      'settleInventory Skipped',
    ]);
    const events = await system.waitForEvent(name, 'SagaAbandoned');
    expect(events).toContainEqual({
      type: 'Warning',
      reason: 'StepAbandoned',
      note: 'compensate of reserveInventory was given up by: grace, on call',
    });
  }

  it('naming a step that is not stuck, or too early, gives nothing up', async () => {
    const plan = [createOrder, reserve, pay, hold, confirm, settle];
    const name = await apply('too-early', plan, { execute: silence });
    await partner.untilReceived(name, 'execute');
    await system.annotate(name, { 'sagamesh.dev/abandon-step': 'processPayment' });
    await system.patchSpec(name, { cancel: true });
    const saga = await system.waitForOutcome(name, 'Compensated');
    expect(saga.status.abandoned).toBeUndefined();
    expect(await booksOf(system, name)).toEqual(refunded);
  });
});

describe('after all of this', () => {
  it('the books balance: what was abandoned was undone nevertheless, once its service came back', async () => {
    const isBalanced = async () => {
      expect(await imbalances(system)).toEqual([]);
      return true;
    };
    const what = 'the release that was sent while inventory stood still';
    await waitUntil(isBalanced, { timeoutMillis: patienceMillis, what });
  });

  it('no saga ever showed conditions that tools would misread', () => {
    expect(unlawfulConditions(system.watch)).toEqual([]);
    expect([...reasonsSeen(system.watch)]).toEqual(
      expect.arrayContaining([
        'ServiceUnknown',
        'CompensationStuck',
        'RevokeStuck',
        'StepStuck',
        'Abandoned',
      ]),
    );
  });
});
