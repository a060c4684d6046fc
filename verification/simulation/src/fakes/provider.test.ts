import { describePaymentGateway } from '@sagamesh/service-payment/testing/payment-gateway.behaviour';
import { RetryableError } from '@sagamesh/runtime/errors';
import { afterEach, describe, expect, it } from 'vitest';
import type { Fault } from '../kernel/fault.ts';
import { Host } from '../kernel/host.ts';
import type { SimProcess } from '../kernel/host.ts';
import { Sim } from '../kernel/sim.ts';
import { pump } from '../testing/pump.ts';
import { SimProvider } from './provider.ts';

/** A provider and one process that may talk to it. */
function startSite(faults: readonly Fault[] = [], seed = 1) {
  const sim = new Sim({ seed });
  const provider = new SimProvider(sim);
  let current: SimProcess | undefined;
  const host = new Host({
    sim,
    name: 'payment-1',
    role: 'payment',
    program: (process) => {
      current = process;
    },
  });
  host.start();
  sim.faults.plan(faults);
  const processNow = (): SimProcess => {
    if (current === undefined) throw new Error('nothing runs');
    return current;
  };
  return { sim, provider, host, connect: () => provider.connect(processNow()), stop: pump(sim) };
}

describePaymentGateway('in virtual time', async () => {
  const { provider, connect, stop } = startSite();
  return { connect, readLedger: async () => provider.ledger(), close: stop };
});

describe('the simulated provider', () => {
  const stops: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const stop of stops.splice(0)) await stop();
  });
  function site(faults: readonly Fault[] = [], seed = 1) {
    const started = startSite(faults, seed);
    stops.push(started.stop);
    return started;
  }

  const request = {
    sagaUid: 'saga-1',
    step: 'processPayment',
    orderId: 'order-1',
    amountCents: 4_999,
    currency: 'EUR',
    paymentMethod: 'pm_card_visa',
  };
  const always = { atMillis: 0, forMillis: 60_000, probability: 1 } as const;

  async function created({ connect }: ReturnType<typeof site>, paymentMethod = 'pm_card_visa') {
    const answer = await connect().create({ ...request, paymentMethod });
    if (answer.kind !== 'created') throw new Error('refused');
    return answer.paymentId;
  }
  const kindsOf = (provider: SimProvider) => provider.movements.map(({ kind }) => kind);

  it('tells of each movement of money with saga, step and order, in order', async () => {
    const all = site();
    const paymentId = await created(all);
    await all.connect().confirm(paymentId);
    await all.connect().refund(paymentId, 'saga-1/processPayment/refund-0');
    const about = { sagaUid: 'saga-1', step: 'processPayment', orderId: 'order-1' };
    const money = { amountCents: 4_999, currency: 'EUR' };
    expect(all.provider.movements).toMatchObject([
      { kind: 'captured', intentId: paymentId, ...about, ...money },
      { kind: 'refunded', intentId: paymentId, ...about, ...money },
    ]);
    expect(all.provider.facts()).toMatchObject({
      intents: [{ id: paymentId, ...about, status: 'succeeded' }],
      captures: [{ intentId: paymentId }],
      refunds: [{ intentId: paymentId }],
    });
  });

  it('keeps what it did when the answer is lost', async () => {
    const all = site();
    const paymentId = await created(all);
    all.sim.faults.plan([{ kind: 'provider.silent', ...always, atMillis: all.sim.nowMillis }]);
    await expect(all.connect().confirm(paymentId)).rejects.toBeInstanceOf(RetryableError);
    expect(kindsOf(all.provider)).toEqual(['captured']);
    expect(all.sim.faults.bitten.get('provider.silent')).toBe(1);
  });

  it('stores a 500 under the key, replays it, and takes the next generation of the key', async () => {
    const all = site([{ kind: 'provider.storedError', ...always, forMillis: 1_000 }]);
    const gateway = all.connect();
    await expect(gateway.create(request)).rejects.toBeInstanceOf(RetryableError);
    all.sim.faults.heal();
    expect(await gateway.create(request)).toMatchObject({ kind: 'created' });
    expect(all.sim.counts.get('provider create-intent 500 replayed')).toBe(1);
  });

  it('answers a 500 that it does not store without doing anything', async () => {
    const all = site();
    const paymentId = await created(all);
    all.sim.faults.plan([{ kind: 'provider.error', ...always, atMillis: all.sim.nowMillis }]);
    await expect(all.connect().confirm(paymentId)).rejects.toBeInstanceOf(RetryableError);
    expect(kindsOf(all.provider)).toEqual([]);
  });

  it('refuses connections while it is away', async () => {
    const all = site([{ kind: 'provider.away', ...always }]);
    await expect(all.connect().create(request)).rejects.toBeInstanceOf(RetryableError);
    expect(all.provider.facts().intents).toEqual([]);
  });

  it('carries a late request out although nobody waits any more', async () => {
    const late = new Set<number>();
    for (let seed = 1; seed <= 12; seed += 1) {
      const all = site([], seed);
      const paymentId = await created(all);
      all.sim.faults.plan([{ kind: 'provider.slow', ...always, atMillis: all.sim.nowMillis }]);
      const answer = await all
        .connect()
        .confirm(paymentId)
        .catch((error: unknown) => error);
      const movedInTime = kindsOf(all.provider).length;
      const settledMillis = all.sim.nowMillis + 20_000;
      await expect.poll(() => all.sim.nowMillis, { interval: 1 }).toBeGreaterThan(settledMillis);
      expect(kindsOf(all.provider)).toEqual(['captured']);
      if (answer instanceof RetryableError && movedInTime === 0) late.add(seed);
    }
    expect(late.size).toBeGreaterThan(0);
  });

  it('forgets locks and work under way at a restart; the SDK asks once more and meets what is stored', async () => {
    const all = site();
    const paymentId = await created(all, 'pm_card_slow');
    const confirmed = all.connect().confirm(paymentId);
    all.sim.faults.plan([{ kind: 'provider.restart', atMillis: all.sim.nowMillis + 1_000 }]);
    expect(await confirmed).toMatchObject({ phase: 'captured' });
    expect(kindsOf(all.provider)).toEqual(['captured']);
    // The work that was interrupted did not go on by itself: it was the second request that took the money.
    expect(all.sim.counts.get('provider confirm-intent 200')).toBe(1);
    expect(all.sim.counts.get('provider confirm-intent 400')).toBeUndefined();
    expect(all.sim.faults.bitten.get('provider.restart')).toBe(1);
  });

  it('closes a connection when its silence ends, and the SDK asks once more', async () => {
    const all = site();
    const paymentId = await created(all, 'pm_card_taken_silent');
    await expect(all.connect().confirm(paymentId)).rejects.toBeInstanceOf(RetryableError);
    await new Promise<void>((resolve) => {
      all.host.process?.clock.schedule(1_000, resolve);
    });
    expect(await all.connect().read(paymentId)).toMatchObject({ phase: 'captured' });
    expect(all.sim.counts.get('provider is silent after get-intent')).toBe(1);
  });

  it('never answers a dead process, and did what that had asked for', async () => {
    const all = site([
      {
        kind: 'process.crashAt',
        atMillis: 0,
        host: 'payment-1',
        downMillis: 100,
        effect: 'providerCall',
        side: 'after',
        skip: 1,
      },
    ]);
    const paymentId = await created(all);
    let isAnswered = false;
    void all
      .connect()
      .confirm(paymentId)
      .finally(() => {
        isAnswered = true;
      });
    await expect.poll(() => all.host.process?.nonce, { interval: 1 }).toBe('payment-1-2');
    expect(kindsOf(all.provider)).toEqual(['captured']);
    expect(await all.connect().read(paymentId)).toMatchObject({ phase: 'captured' });
    expect(isAnswered).toBe(false);
  });

  it('makes the same run of the same seed', async () => {
    async function hashOf(seed: number): Promise<string> {
      const sim = new Sim({ seed });
      const provider = new SimProvider(sim);
      const program = async (process: SimProcess) => {
        const gateway = provider.connect(process);
        for (const name of ['pm_card_visa', 'pm_card_flaky_create', 'pm_card_slow']) {
          const place = { ...request, sagaUid: `${process.nonce}-${name}`, paymentMethod: name };
          const answer = await gateway.create(place).catch(() => undefined);
          if (answer?.kind !== 'created') continue;
          await gateway.confirm(answer.paymentId).catch(() => undefined);
          await gateway.refund(answer.paymentId, `${place.sagaUid}/refund-0`).catch(() => undefined);
        }
      };
      const host = new Host({ sim, name: 'payment-1', role: 'payment', program });
      sim.faults.plan([
        { kind: 'provider.slow', ...always, probability: 0.3 },
        { kind: 'provider.storedError', ...always, probability: 0.3 },
        { kind: 'provider.restart', atMillis: 2_000 },
        { kind: 'process.crash', atMillis: 9_000, host: 'payment-1', downMillis: 10 },
      ]);
      host.start();
      await sim.runUntil(60_000);
      return sim.trace.hash;
    }
    const first = await hashOf(7);
    expect(await hashOf(7)).toBe(first);
    expect(await hashOf(8)).not.toBe(first);
  });
});
