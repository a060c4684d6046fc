/** What a user does with OrderSagas, with the real kubectl, and what he sees of it. On the whole system. */
import { readStoredMessages } from '@sagamesh/runtime/stored-messages';
import { accessOfStepService } from '@sagamesh/contracts/broker-access';
import { streamNames } from '@sagamesh/contracts/subjects';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { booksOf, imbalances } from './support/balance.ts';
import { kstatusOf, reasonsSeen, unlawfulConditions } from './support/kstatus.ts';
import { oneOfPlenty } from './support/saga-manifest.ts';
import type { SagaChange } from './support/saga-manifest.ts';
import { conditionsOf } from './support/saga-watch.ts';
import { silence, startScriptedService } from './support/scripted-service.ts';
import type { ScriptedService } from './support/scripted-service.ts';
import { startTestSystem } from './support/test-system.ts';
import type { TestSystem } from './support/test-system.ts';

let system: TestSystem;
let partner: ScriptedService;

beforeAll(async () => {
  const actions = ['hold', 'unhold', 'ship'];
  system = await startTestSystem({ stepServices: [accessOfStepService('partner', actions)] });
  partner = await startScriptedService({ login: system.nats.login('partner'), actions });
});

afterAll(async () => {
  await partner?.stop();
  await system?.stop();
});

const createOrder = { name: 'createOrder', service: 'order', execute: 'create', compensate: 'cancel' };
const reserve = {
  name: 'reserveInventory',
  service: 'inventory',
  execute: 'reserve',
  compensate: 'release',
};
const hold = {
  name: 'hold',
  service: 'partner',
  execute: 'hold',
  compensate: 'unhold',
  timeoutSeconds: 3_600,
};
const pay = { name: 'processPayment', service: 'payment', execute: 'charge', compensate: 'refund' };
const confirm = { name: 'confirmOrder', service: 'order', execute: 'confirm', pivot: true };
const settle = { name: 'settleInventory', service: 'inventory', execute: 'settle' };
const ship = { name: 'ship', service: 'partner', execute: 'ship', timeoutSeconds: 3_600 };

/** Paid already, and the pivot not yet asked for. */
const heldPlan = [createOrder, reserve, pay, hold, confirm, settle];
const heldAfterPivotPlan = [createOrder, reserve, pay, confirm, ship, settle];

/** Resolves when the partner was asked for the step and keeps silent: from then on the saga stands still there. */
async function applyHeld(change: SagaChange): Promise<string> {
  const id = `${change.story}-held`;
  partner.script(id, 'execute', silence);
  const name = await system.applySaga({ ...change, order: { id, ...change.order } });
  await partner.untilReceived(id, 'execute');
  return name;
}

const heldBeforePivot = (story: string, change: SagaChange = {}) =>
  applyHeld({ story, plan: heldPlan, ...change });
const heldAfterPivot = (story: string) => applyHeld({ story, plan: heldAfterPivotPlan });

async function commandsOf(uid: string): Promise<readonly string[]> {
  const messages = await readStoredMessages(system.nats.admin, streamNames.commands);
  const mine = messages.filter(({ body }) => Buffer.from(body).toString('utf8').includes(uid));
  return mine.map(({ subject }) => subject);
}

const paid = { state: 'CONFIRMED', capturedCents: 100, refundedCents: 0 };
const refunded = { state: 'CANCELLED', capturedCents: 100, refundedCents: 100 };
const neverPaid = { state: 'CANCELLED', capturedCents: 0, refundedCents: 0 };
const unknownOrder = { state: undefined, capturedCents: 0, refundedCents: 0 };

const rowsOf = (table: string) =>
  table
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/ {2,}/));

describe('an order that goes well', () => {
  it('ends Completed and paid once; wait returns, get and describe tell it with two Events', async () => {
    const name = await system.applySaga({ story: 'happy' });
    const any = '--for=jsonpath={.status.outcome}';
    await Promise.all([
      system.shop(['wait', `osaga/${name}`, any, '--timeout=120s']),
      system.shop(['wait', `osaga/${name}`, '--for=condition=Succeeded', '--timeout=120s']),
    ]);
    const saga = await system.waitForOutcome(name, 'Completed');
    expect(kstatusOf(saga)).toBe('Current');
    expect(conditionsOf(saga)).toEqual({
      Succeeded: 'True/Completed',
      Ready: 'True/Completed',
      Reconciling: 'False/Completed',
      Stalled: 'False/Completed',
    });
    expect(saga.status).toMatchObject({
      progress: '5/5',
      results: { reservationId: `res-${saga.metadata.uid}`, paymentId: expect.stringMatching(/^pi_/) },
    });
    expect(rowsOf(await system.shop(['get', 'osaga', name]))).toEqual([
      ['NAME', 'OUTCOME', 'REASON', 'STEP', 'PROGRESS', 'AGE'],
      [name, 'Completed', 'Completed', '5/5', expect.stringMatching(/^\d+[sm]/)],
    ]);
    const events = await system.waitForEvent(name, 'SagaCompleted');
    expect(events.map(({ type, reason }) => `${type} ${reason}`)).toEqual([
      'Normal SagaStarted',
      'Normal SagaCompleted',
    ]);
    const described = await system.shop(['describe', 'osaga', name]);
    expect(described).toMatch(/Events:[^]*SagaStarted[^]*SagaCompleted/);
    expect(await booksOf(system, name)).toEqual(paid);
  });

  it('lists several sagas, each on its line, by its short name and as yaml', async () => {
    const text = await system.shop(['get', 'ordersagas.sagamesh.dev', '--output=yaml']);
    expect(text).toContain('outcome: Completed');
    expect(rowsOf(await system.shop(['get', 'sagas'])).length).toBeGreaterThan(1);
  });
});

describe('an order whose card is declined', () => {
  it('ends Compensated and free of charge; wait tells success from end, Events tell what was undone', async () => {
    const name = await system.applySaga({
      story: 'declined',
      order: { paymentMethod: 'pm_card_chargeDeclined' },
    });
    await system.shop([
      'wait',
      `osaga/${name}`,
      '--for=jsonpath={.status.outcome}=Compensated',
      '--timeout=120s',
    ]);
    await expect(
      system.shop(['wait', `osaga/${name}`, '--for=condition=Succeeded', '--timeout=1s']),
    ).rejects.toThrow('timed out');
    const saga = await system.waitForOutcome(name, 'Compensated');
    expect(kstatusOf(saga)).toBe('Failed');
    expect(saga.status.failure).toMatchObject({ step: 'processPayment', reason: 'CardDeclined' });
    expect(rowsOf(await system.shop(['get', 'osaga', name]))[1]).toEqual([
      name,
      'Compensated',
      'CardDeclined',
      expect.stringMatching(/^\d\/5$/),
      expect.stringMatching(/^\d+[sm]/),
    ]);
    const events = await system.waitForEvent(name, 'SagaCompensated');
    const notes = events.map(({ type, reason, note }) => `${type} ${reason}: ${note}`);
    expect(notes).toEqual([
      expect.stringContaining('Normal SagaStarted: steps: createOrder, reserveInventory'),
      expect.stringContaining('Warning SagaTurnedRound: processPayment: CardDeclined'),
      'Normal StepCompensated: reserveInventory was undone',
      'Normal StepCompensated: createOrder was undone',
      expect.stringContaining('Warning SagaCompensated: every step that may have taken effect was undone'),
    ]);
    expect(await booksOf(system, name)).toEqual(neverPaid);
  });
});

describe('suspend', () => {
  it('before the start sends nothing and holds no finalizer; resumed, the saga completes', async () => {
    const name = await system.applySaga({ story: 'suspended', suspend: true });
    const saga = await system.waitForReason(name, 'Suspended');
    expect(kstatusOf(saga)).toBe('InProgress');
    expect(saga.metadata.finalizers).toEqual([]);
    await system.waitForEvent(name, 'Suspended');
    expect(await commandsOf(saga.metadata.uid)).toEqual([]);
    await system.patchSpec(name, { suspend: false });
    await system.waitForOutcome(name, 'Completed');
    expect(await booksOf(system, name)).toEqual(paid);
  });

  it('mid-flight lets the step under way end and holds back the next; resumed, the saga completes', async () => {
    const name = await heldBeforePivot('suspended-midway');
    await system.patchSpec(name, { suspend: true });
    await partner.reply(name, 'execute');
    const saga = await system.waitForReason(name, 'Suspended');
    expect(saga.status).toMatchObject({ currentStep: 'confirmOrder', progress: '4/6' });
    expect(await commandsOf(saga.metadata.uid)).not.toContain('saga.cmd.order.confirm');
    expect((await booksOf(system, name)).state).toBe('PENDING');
    await system.patchSpec(name, { suspend: false });
    await system.waitForOutcome(name, 'Completed');
    expect(await booksOf(system, name)).toEqual(paid);
  });

  it('does not hold back a cancel', async () => {
    const name = await heldBeforePivot('suspended-cancelled');
    await system.patchSpec(name, { suspend: true });
    await partner.reply(name, 'execute');
    await system.waitForReason(name, 'Suspended');
    await system.patchSpec(name, { cancel: true });
    const saga = await system.waitForOutcome(name, 'Compensated');
    expect(saga.status.failure?.reason).toBe('Cancelled');
    expect(await booksOf(system, name)).toEqual(refunded);
  });

  it('does not stop the deadline', async () => {
    const name = await system.applySaga({ story: 'suspended-late', suspend: true, deadlineSeconds: 1 });
    const saga = await system.waitForOutcome(name, 'Compensated');
    expect(saga.status.failure?.reason).toBe('DeadlineExceeded');
    expect(await commandsOf(saga.metadata.uid)).toEqual([]);
  });
});

describe('cancel', () => {
  it('mid-flight undoes every step in reverse order, the unanswered one included, and gives the money back', async () => {
    const name = await heldBeforePivot('cancelled');
    await system.patchSpec(name, { cancel: true });
    const saga = await system.waitForOutcome(name, 'Compensated');
    expect(saga.status.failure).toMatchObject({ step: 'hold', reason: 'Cancelled' });
    expect(saga.status.steps?.map(({ name, state }) => `${name} ${state}`)).toEqual([
      'createOrder Compensated',
      'reserveInventory Compensated',
      'processPayment Compensated',
      'hold Compensated',
      'confirmOrder Revoked',
      'settleInventory Skipped',
    ]);
    const undo = (await commandsOf(saga.metadata.uid)).slice(4);
    expect(undo).toEqual([
      'saga.cmd.order.confirm',
      'saga.cmd.partner.unhold',
      'saga.cmd.payment.refund',
      'saga.cmd.inventory.release',
      'saga.cmd.order.cancel',
    ]);
    const events = await system.waitForEvent(name, 'SagaCompensated');
    expect(events.map(({ reason, note }) => `${reason}: ${note}`)).toEqual([
      expect.stringContaining('SagaStarted'),
      expect.stringContaining('SagaTurnedRound: hold: Cancelled'),
      'StepCompensated: hold was undone',
      'StepCompensated: processPayment was undone',
      'StepCompensated: reserveInventory was undone',
      'StepCompensated: createOrder was undone',
      expect.stringContaining('SagaCompensated'),
    ]);
    expect(await booksOf(system, name)).toEqual(refunded);
  });

  it('after the pivot is too late: an Event says so, and the saga completes', async () => {
    const name = await heldAfterPivot('cancelled-late');
    await system.patchSpec(name, { cancel: true });
    await system.waitForEvent(name, 'CancelTooLate');
    await partner.reply(name, 'execute');
    await system.waitForOutcome(name, 'Completed');
    expect(await booksOf(system, name)).toEqual(paid);
  });

  it('after the end is too late, too, and an Event says so', async () => {
    const name = await system.applySaga({ story: 'cancelled-after' });
    await system.waitForOutcome(name, 'Completed');
    await system.patchSpec(name, { cancel: true });
    await system.waitForEvent(name, 'CancelTooLate');
    expect(await booksOf(system, name)).toEqual(paid);
  });

  it('before anything was sent leaves no trace at the services', async () => {
    const name = await system.applySaga({ story: 'cancelled-early', cancel: true });
    const saga = await system.waitForOutcome(name, 'Compensated');
    expect(saga.status.failure).toMatchObject({ step: 'createOrder', reason: 'Cancelled' });
    expect(await commandsOf(saga.metadata.uid)).toEqual([]);
    expect(await booksOf(system, name)).toEqual(unknownOrder);
  });
});

describe('delete', () => {
  it('mid-flight undoes everything first; then the object is gone', async () => {
    const name = await heldBeforePivot('deleted');
    partner.script(name, 'compensate', silence);
    await system.deleteSaga(name);
    await partner.untilReceived(name, 'compensate');
    const open = await system.getSaga(name);
    expect(open.metadata.deletionTimestamp).toBeDefined();
    expect(kstatusOf(open)).toBe('Terminating');
    expect(conditionsOf(open).Reconciling).toBe('True/Deleting');
    await partner.reply(name, 'compensate');
    await system.watch.untilGone(name, 120_000);
    expect(system.watch.versions(name).at(-1)?.status).toMatchObject({
      outcome: 'Compensated',
      failure: { reason: 'Deleted' },
    });
    expect(await booksOf(system, name)).toEqual(refunded);
  });

  it('while suspended mid-flight undoes everything first, too', async () => {
    const name = await heldBeforePivot('deleted-suspended');
    await system.patchSpec(name, { suspend: true });
    await partner.reply(name, 'execute');
    await system.waitForReason(name, 'Suspended');
    await system.shop(['delete', `osaga/${name}`, '--timeout=120s']);
    expect(await booksOf(system, name)).toEqual(refunded);
  });

  it('while suspended before the start is immediate', async () => {
    const name = await system.applySaga({ story: 'deleted-unstarted', suspend: true });
    await system.waitForReason(name, 'Suspended');
    await system.shop(['delete', `osaga/${name}`, '--timeout=120s']);
    expect(await booksOf(system, name)).toEqual(unknownOrder);
  });

  it('after the pivot finishes first, even when suspended', async () => {
    const name = await heldAfterPivot('deleted-late');
    await system.patchSpec(name, { suspend: true });
    await system.deleteSaga(name);
    await system.waitForReason(name, 'Deleting');
    await partner.reply(name, 'execute');
    await system.watch.untilGone(name, 120_000);
    expect(system.watch.versions(name).at(-1)?.status.outcome).toBe('Completed');
    expect(await booksOf(system, name)).toEqual(paid);
  });

  it('after the end is immediate and changes nothing', async () => {
    const name = await system.applySaga({ story: 'deleted-after' });
    await system.waitForOutcome(name, 'Completed');
    await system.shop(['delete', `osaga/${name}`, '--timeout=120s']);
    expect(await booksOf(system, name)).toEqual(paid);
  });
});

describe('time', () => {
  it('ends a saga that is not past the pivot at its deadline', async () => {
    const name = await heldBeforePivot('late', { deadlineSeconds: 2 });
    const saga = await system.waitForOutcome(name, 'Compensated');
    expect(saga.status.failure).toMatchObject({ step: 'hold', reason: 'DeadlineExceeded' });
    expect(await booksOf(system, name)).toEqual(refunded);
  });

  it('deletes a saga when it has been finished for as long as it is to be kept', async () => {
    const name = await system.applySaga({ story: 'expiring', ttlSecondsAfterFinished: 1 });
    await system.watch.untilGone(name, 120_000);
    expect(system.watch.versions(name).at(-1)?.status.outcome).toBe('Completed');
    expect(await booksOf(system, name)).toEqual(paid);
  });
});

describe('an order that cannot be', () => {
  it.each([
    ['OutOfStock', { items: [{ sku: 'WEBCAM', quantity: 1, unitPriceCents: 5_999 }] }, 'reserveInventory'],
    ['PriceMismatch', { items: [{ ...oneOfPlenty, unitPriceCents: 99 }] }, 'createOrder'],
    ['UnknownSku', { items: [{ ...oneOfPlenty, sku: 'UNICORN' }] }, 'createOrder'],
    ['UnknownPaymentMethod', { paymentMethod: 'pm_card_of_nobody' }, 'processPayment'],
  ])('ends Compensated with the reason %s, and nothing is charged', async (reason, order, step) => {
    const name = await system.applySaga({ story: reason.toLowerCase(), order });
    const saga = await system.waitForOutcome(name, 'Compensated');
    expect(saga.status.failure).toMatchObject({ step, reason });
    expect(saga.status.failure?.message).not.toBe('');
    expect(await booksOf(system, name)).toMatchObject({ capturedCents: 0, refundedCents: 0 });
  });

  it('is a second saga for one order id; the first one is not touched', async () => {
    const first = await system.applySaga({ story: 'first' });
    await system.waitForOutcome(first, 'Completed');
    const second = await system.applySaga({ name: `${first}-again`, order: { id: first } });
    const saga = await system.waitForOutcome(second, 'Compensated');
    expect(saga.status.failure).toMatchObject({ step: 'createOrder', reason: 'OrderIdTaken' });
    expect(await booksOf(system, first)).toEqual(paid);
  });
});

describe('after all of this', () => {
  it('the books balance', async () => {
    expect(await imbalances(system)).toEqual([]);
  });

  it('no saga ever showed conditions that tools would misread', () => {
    expect(unlawfulConditions(system.watch)).toEqual([]);
    expect([...reasonsSeen(system.watch)]).toEqual(
      expect.arrayContaining([
        'StepRunning',
        'Suspended',
        'Completed',
        'Compensating',
        'Compensated',
        'Cancelling',
        'Deleting',
      ]),
    );
  });
});
