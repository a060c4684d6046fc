/**
 * Kill -9 of every process, each at a boundary that the test has seen before it lets go: the saga ends right, the books are balanced, and
 * nobody waits for a step's timeout, which is an hour here.
 */
import { streamNames } from '@sagamesh/contracts/subjects';
import { waitUntil } from '@sagamesh/sandbox/wait-until';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { paidOnce, startCrashBench } from './support/crash-bench.ts';
import type { CrashBench, FencedService } from './support/crash-bench.ts';
import { untilAllRun } from './support/until-all-run.ts';

let bench: CrashBench;

beforeAll(async () => {
  bench = await startCrashBench();
});

afterAll(async () => {
  await bench?.stop();
});

beforeEach(() => untilAllRun(bench.system));

const silentCard = { paymentMethod: 'pm_card_taken_silent' } as const;
const firstSteps: readonly [service: FencedService, step: string][] = [
  ['order', 'createOrder'],
  ['inventory', 'reserveInventory'],
  ['payment', 'processPayment'],
];
const pivot: (typeof firstSteps)[number] = ['order', 'confirmOrder'];

/** The row is committed, nobody was told of it. */
async function untilCommittedUntold(service: FencedService, uid: string, orderId: string, step: string) {
  const { fences, traffic } = bench;
  await waitUntil(async () => (await fences[service].stateOf(orderId, step)) === 'executed', {
    timeoutMillis: 30_000,
    what: `the row of ${step} to be committed`,
  });
  expect(await traffic.replies(uid, step, 'execute')).toEqual([]);
}

describe('killed while a command is stored and nobody has handled it', () => {
  it.each(firstSteps)('%s: the command %s comes again to the new process', async (victim, step) => {
    const { system, traffic, fences } = bench;
    const id = `stored-${victim}`;
    system.process(victim).pause();
    const { name, uid } = await bench.begin({ id });
    await traffic.untilCommand(uid, step);
    await system.process(victim).kill();
    expect(await fences[victim].stateOf(id, step)).toBeUndefined();

    await system.process(victim).start();

    await bench.expectEnd(name, paidOnce);
    expect(await traffic.commands(uid, step, 'execute')).toHaveLength(1);
  });

  it('notification: the mail for a stored order.confirmed is sent by the new process, under one Message-ID', async () => {
    const { system, traffic } = bench;
    const notification = system.process('notification');
    const email = 'stored-notification@example.org';
    const mailIds = async () => {
      const response = await fetch(`${system.url('smtp-sink')}/mails`);
      const mails = mailsSchema.parse(await response.json());
      return mails.filter((mail) => mail.to.includes(email)).map((mail) => mail.messageId);
    };
    notification.pause();
    const { name } = await bench.begin({ id: 'stored-notification', order: { contact: { email } } });
    await bench.expectEnd(name, paidOnce);
    await traffic.untilEvent('order.confirmed', name);
    await notification.kill();
    expect(await mailIds()).toEqual([]);

    await notification.start();

    await waitUntil(async () => (await mailIds()).length > 0, { timeoutMillis: 60_000, what: 'the mail' });
    const [event] = await traffic.events('order.confirmed', name);
    expect(new Set(await mailIds())).toEqual(new Set([`<${event?.eventId}@sagamesh>`]));
  });

  it('NATS: it hands the stored command over after its restart', async () => {
    const { system, traffic, fences } = bench;
    const id = 'stored-nats';
    await system.process('inventory').stop();
    const { name, uid } = await bench.begin({ id });
    await traffic.untilCommand(uid, 'reserveInventory');
    await system.nats.process.kill();
    expect(await fences.inventory.stateOf(id, 'reserveInventory')).toBeUndefined();

    await system.nats.process.start();
    await system.process('inventory').start();

    await bench.expectEnd(name, paidOnce);
    expect(await traffic.commands(uid, 'reserveInventory', 'execute')).toHaveLength(1);
  });

  it('operator: the next one asks for everything again, and each effect stays one', async () => {
    const { system, traffic, fences } = bench;
    const id = 'stored-operator';
    system.process('inventory').pause();
    const { name, uid } = await bench.begin({ id });
    await traffic.untilCommand(uid, 'reserveInventory');
    await system.process('operator').kill();
    expect(await fences.inventory.stateOf(id, 'reserveInventory')).toBeUndefined();

    system.process('inventory').resume();
    await system.process('operator').start();

    await bench.expectEnd(name, paidOnce);
    // Asked again by a process that knew nothing: the fence answered the second.
    expect(await traffic.commands(uid, 'createOrder', 'execute')).toHaveLength(2);
    expect((await fences.order.rowsOf(id)).map(({ step, state }) => `${step} ${state}`)).toEqual([
      'createOrder executed',
      'confirmOrder executed',
    ]);
  });
});

describe('killed when a row is committed and its reply is not published', () => {
  it.each([...firstSteps, pivot])(
    '%s: the repeated command %s is answered from the row',
    async (victim, step) => {
      const { system, traffic, fences } = bench;
      const id = `committed-${step.toLowerCase()}`;
      const hold = await fences[victim].holdCommit({ orderId: id, step, state: 'executed' });
      const { name, uid } = await bench.begin({ id });
      await hold.untilReached();
      await system.process(victim).kill();
      await hold.release();
      await untilCommittedUntold(victim, uid, id, step);

      await system.process(victim).start();

      await bench.expectEnd(name, paidOnce);
      expect(await traffic.commands(uid, step, 'execute')).toHaveLength(1);
    },
  );

  it('operator, on its way back: the abort that was acknowledged to nobody is acknowledged again', async () => {
    const { system, traffic, fences } = bench;
    const id = 'committed-revoke';
    const place = { orderId: id, step: 'confirmOrder', state: 'tombstone' };
    const hold = await fences.order.holdCommit(place);
    const soldOut = [{ sku: 'WEBCAM', quantity: 1, unitPriceCents: 5_999 }];
    const { name, uid } = await bench.begin({ id, order: { items: soldOut } });
    await hold.untilReached();
    await system.process('operator').kill();
    // Law 4: the cause was recorded before anything was revoked.
    expect((await system.getSaga(name)).status.failure).toMatchObject({ reason: 'OutOfStock' });
    await hold.release();
    await traffic.untilReply(uid, 'confirmOrder', 'revoke');
    expect(await fences.order.stateOf(id, 'createOrder')).toBe('executed');

    await system.process('operator').start();

    await bench.expectEnd(name, { outcome: 'Compensated', captures: 0, refunds: 0 });
    expect(await fences.order.stateOf(id, 'createOrder')).toBe('compensated');
  });
});

describe('killed when a reply is stored and the operator has not read it', () => {
  /** The operator stands still from before the commit of the reservation until the caller lets it go or ends it. */
  async function untilReplyUnread(id: string, whileHeld: () => Promise<void> = async () => undefined) {
    const { system, traffic, fences } = bench;
    const step = 'reserveInventory';
    const hold = await fences.inventory.holdCommit({ orderId: id, step, state: 'executed' });
    const { name, uid } = await bench.begin({ id });
    await hold.untilReached();
    system.process('operator').pause();
    await whileHeld();
    await hold.release();
    await traffic.untilReply(uid, step);
    expect(await traffic.commands(uid, 'processPayment', 'execute')).toEqual([]);
    return { name, uid };
  }

  it('operator: the next one is told the same from the row', async () => {
    const { system, traffic } = bench;
    const { name, uid } = await untilReplyUnread('unread-operator');
    await system.process('operator').kill();

    await system.process('operator').start();

    await bench.expectEnd(name, paidOnce);
    expect(await traffic.commands(uid, 'reserveInventory', 'execute')).toHaveLength(2);
  });

  it('NATS: the operator goes on reading behind the last reply it had seen, and sends nothing again', async () => {
    const { system, traffic } = bench;
    const { name, uid } = await untilReplyUnread('unread-nats', async () => {
      await system.nats.process.kill();
      await system.nats.process.start();
    });

    system.process('operator').resume();

    await bench.expectEnd(name, paidOnce);
    expect(await traffic.commands(uid, 'reserveInventory', 'execute')).toHaveLength(1);
  });
});

describe('killed when the provider has taken the money and payment does not know', () => {
  /** Captured at the provider, `pending` in the fence: its answer is still out, for the card keeps the provider silent. */
  async function untilTaken(id: string) {
    const saga = await bench.begin({ id, order: silentCard });
    await bench.untilCaptured(id);
    expect(await bench.fences.payment.stateOf(id, 'processPayment')).toBe('pending');
    return saga;
  }

  it.each(['payment', 'payment-provider', 'operator'] as const)(
    '%s: the money is taken once and the order confirmed',
    async (victim) => {
      const { system, fences } = bench;
      const id = `taken-${victim}`;
      const { name } = await untilTaken(id);
      await system.process(victim).kill();
      expect(await fences.payment.stateOf(id, 'processPayment')).toBe('pending');

      await system.process(victim).start();

      await bench.expectEnd(name, paidOnce);
    },
  );

  it('payment, and the order is cancelled meanwhile: the money goes back', async () => {
    const { system } = bench;
    const { name } = await untilTaken('taken-cancelled');
    await system.process('payment').kill();
    await system.patchSpec(name, { cancel: true });

    await system.process('payment').start();

    const saga = await bench.expectEnd(name, { outcome: 'Compensated', captures: 1, refunds: 1 });
    expect(saga.status.failure).toMatchObject({ reason: 'Cancelled' });
  });
});

it('no command and no event was put among the dead letters by all this', async () => {
  expect(await bench.traffic.everything(streamNames.deadLetters)).toEqual([]);
});

const mailsSchema = z.array(z.object({ to: z.array(z.string()), messageId: z.string() }));
