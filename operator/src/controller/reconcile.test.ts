import { failureReasons } from '@sagamesh/contracts/reasons';
import { RetryableError, TerminalError } from '@sagamesh/runtime/errors';
import { describe, expect, it } from 'vitest';
import { ApiError } from '../kube/api-error.ts';
import { SagaWorld } from './testing/saga-world.ts';

async function applied(spec: Readonly<Record<string, unknown>> = {}): Promise<SagaWorld> {
  return new SagaWorld().create(spec);
}

describe('a happy saga', () => {
  it('sends each step once and ends with every step done', async () => {
    const world = await (await applied()).untilEnd();
    expect(world.sent).toEqual(['execute reserve', 'execute charge', 'execute confirm', 'execute settle']);
    expect(world.status).toMatchObject({ outcome: 'Completed', progress: '4/4' });
    expect(world.ended).toEqual(['Completed']);
  });

  it('costs four writes: finalizer, first status, outcome, finalizer', async () => {
    const world = await (await applied()).untilEnd();
    expect(world.writes).toEqual(['PATCH', 'PATCH /status', 'PATCH /status', 'PATCH']);
    expect(world.statusWrites).toEqual(['first', 'outcome']);
  });

  it('costs two Events', async () => {
    const world = await (await applied()).untilEnd();
    expect(world.events).toEqual(['Normal SagaStarted', 'Normal SagaCompleted']);
  });

  it('holds the finalizer before the first command and releases it after the outcome', async () => {
    const world = await applied();
    let heldAtFirst: unknown;
    world.broker.beforePublish = () => (heldAtFirst ??= world.finalizers);
    await world.untilEnd();
    expect(heldAtFirst).toEqual(['sagamesh.dev/compensate']);
    expect(world.finalizers).toEqual([]);
  });

  it('leaves nothing in memory, and one timer for its expiry', async () => {
    const world = await (await applied({ ttlSecondsAfterFinished: 60 })).untilEnd();
    expect(world.memory.size).toBe(0);
    await world.run();
    expect(world.result).toEqual({ kind: 'requeueAfter', delayMillis: 60_000 });
  });

  it('leaves nothing in memory before the watch brings the last write, either', async () => {
    const world = await (await applied()).until('execute settle');
    await world.holdWatch().answer('Executed');
    expect(world.finalizers).toEqual([]);
    expect(world.memory.size).toBe(0);
  });

  it('is deleted when its time has come, and not before', async () => {
    const world = await (await applied({ ttlSecondsAfterFinished: 60 })).untilEnd();
    await world.pass(59_999);
    expect(world.exists).toBe(true);
    await world.pass(1);
    expect(world.exists).toBe(false);
    expect(world.writes.filter((write) => write === 'DELETE')).toHaveLength(1);
  });

  it('with a TTL of 0 is deleted at once, by one request', async () => {
    const world = (await applied({ ttlSecondsAfterFinished: 0 })).holdWatch();
    world.releaseWatch();
    await world.untilEnd();
    await world.run();
    expect(world.exists).toBe(false);
    expect(world.writes.filter((write) => write === 'DELETE')).toHaveLength(1);
  });

  it('with a TTL of 0 and somebody else’s finalizer is deleted by one request, too', async () => {
    const world = await new SagaWorld().create(
      { ttlSecondsAfterFinished: 0 },
      { finalizers: ['example.org/keep'] },
    );
    await world.untilEnd();
    await world.run();
    expect(world.finalizers).toEqual(['example.org/keep']);
    expect(world.writes.filter((write) => write === 'DELETE')).toHaveLength(1);
  });

  it('shows where it is at most once a second', async () => {
    const world = await (await applied()).run();
    world.nowMillis += 10;
    await world.answer('Executed');
    expect(world.status.currentStep).toBe('reserve');
    expect(world.result).toEqual({ kind: 'requeueAfter', delayMillis: 990 });
    await world.wake();
    expect(world.status.currentStep).toBe('charge');
    expect(world.statusWrites).toEqual(['first', 'transition']);
  });
});

describe('when somebody else writes, too', () => {
  it('a conflict costs a fresh read and another look, and nothing is lost', async () => {
    const world = (await applied()).holdWatch();
    await world.run(); // the cache knows nothing yet: the object came by no watch
    world.releaseWatch().holdWatch();
    await world.patch({ metadata: { labels: { team: 'blue' } } });
    await world.run();
    expect(world.api.requestsTo('GET', '/ordersagas/')).toHaveLength(0);
    world.releaseWatch();
    await world.untilEnd();
    expect(world.status.outcome).toBe('Completed');
  });

  it('a stale cache makes nothing be written on old knowledge', async () => {
    const world = await (await applied()).run();
    world.holdWatch();
    await world.patch({ spec: { cancel: true } });
    world.nowMillis += 2_000;
    await world.answer('Executed'); // the progress write runs into the conflict, and the cancel is seen by the read
    expect(world.api.requestsTo('GET', '/ordersagas/').length).toBeGreaterThan(0);
    expect(world.status.failure?.reason).toBe(failureReasons.Cancelled);
    expect(world.sent.at(-1)).toBe('revoke confirm');
  });

  it('an object that is gone is forgotten', async () => {
    const world = await (await applied()).run();
    world.holdWatch();
    await world.patch({ metadata: { finalizers: null } });
    await world.delete();
    world.nowMillis += 2_000;
    world.reply('Executed');
    await world.reconcile();
    expect(world.result).toEqual({ kind: 'requeue' });
    world.releaseWatch();
    await world.run();
    expect(world.result).toEqual({ kind: 'done' });
    expect(world.memory.size).toBe(0);
  });

  it('an object under the same name is another saga: no reply of the earlier one counts', async () => {
    const world = await (await applied()).run();
    const earlier = world.commands.at(-1);
    await world.patch({ metadata: { finalizers: null } });
    await world.delete();
    await world.create();
    await world.run();
    expect(world.memory.size).toBe(1);
    expect(world.commands.at(-1)?.sagaUid).not.toBe(earlier?.sagaUid);
    world.reply('Executed', { sagaUid: earlier?.sagaUid ?? '' });
    expect(world.woken.size).toBe(0);
    expect(world.sent).toEqual(['execute reserve', 'execute reserve']);
  });

  it('keeps the finalizers of others, also one that came in between', async () => {
    const world = await new SagaWorld().create({}, { finalizers: ['example.org/keep'] });
    await world.run();
    expect(world.finalizers).toEqual(['example.org/keep', 'sagamesh.dev/compensate']);
    await world.patch({
      metadata: { finalizers: ['example.org/keep', 'sagamesh.dev/compensate', 'late/one'] },
    });
    await world.untilEnd();
    expect(world.finalizers).toEqual(['example.org/keep', 'late/one']);
  });

  it('takes our finalizer again when somebody removed it by hand', async () => {
    const world = await (await applied()).run();
    await world.patch({ metadata: { finalizers: null } });
    await world.answer('Executed');
    expect(world.finalizers).toEqual(['sagamesh.dev/compensate']);
    expect(world.sent).toEqual(['execute reserve', 'execute charge']);
  });

  it('holds its finalizer once, although another operator was faster', async () => {
    const world = await applied();
    const { consumers } = world.broker;
    world.broker.consumerNames = async () => {
      await world.patch({ metadata: { finalizers: ['sagamesh.dev/compensate'] } });
      return consumers;
    };
    await world.run();
    expect(world.finalizers).toEqual(['sagamesh.dev/compensate']);
  });

  it('leaves an outcome alone that another operator recorded', async () => {
    const world = await (await applied()).run();
    await world.patchStatus({ outcome: 'Compensated', finishedAt: '2026-01-01T12:00:01.000Z' });
    await world.run();
    expect(world.status.outcome).toBe('Compensated');
    expect(world.finalizers).toEqual([]);
    expect(world.memory.size).toBe(0);
  });

  it('writes a wiped status again', async () => {
    const world = await (await applied()).run();
    await world.patchStatus(null);
    await world.run();
    expect(world.conditions[0]).toBe('Succeeded=Unknown/StepRunning');
  });
});

describe('when parts are away', () => {
  it('a broker that is away from the start is no reason to show nothing', async () => {
    const world = await applied();
    world.broker.isAway = true;
    await expect(world.reconcile()).rejects.toThrow('TIMEOUT');
    expect(world.conditions[0]).toBe('Succeeded=Unknown/StepRunning');
    world.broker.isAway = false;
    await world.untilEnd();
    expect(world.status.outcome).toBe('Completed');
  });

  it('a broker that went away costs no attempt of the step, and the status is shown', async () => {
    const world = await (await applied()).run();
    world.broker.isAway = true;
    world.nowMillis += 2_000;
    world.reply('Executed');
    await expect(world.reconcile()).rejects.toBeInstanceOf(RetryableError);
    expect(world.status.currentStep).toBe('charge');
    world.broker.isAway = false;
    await world.run();
    expect(world.commands.at(-1)).toMatchObject({ step: 'charge', attempt: 1 });
  });

  it('an operator that has lost the Lease writes nothing and sends nothing', async () => {
    const world = await applied();
    world.isLeading = false;
    await expect(world.reconcile()).rejects.toBeInstanceOf(RetryableError);
    expect([world.writes, world.sent]).toEqual([[], []]);
  });

  it('an operator that loses the Lease half-way sends, records and expires nothing', async () => {
    const world = await (await applied()).until('execute settle');
    const writes = world.writes.length;
    world.isLeading = false;
    await expect(world.answer('Executed')).rejects.toBeInstanceOf(RetryableError);
    expect(world.writes).toHaveLength(writes);
    world.isLeading = true;
    await world.run();
    expect(world.status.outcome).toBe('Completed');
  });

  it('an API server in trouble is asked again later, by whoever runs us', async () => {
    const world = await applied();
    world.api.fault = ({ method }) => (method === 'PATCH' ? { kind: 'answer', status: 500 } : undefined);
    await expect(world.reconcile()).rejects.toBeInstanceOf(ApiError);
    expect(world.sent).toEqual([]);
  });

  it('a write whose answer got lost is found by the next look', async () => {
    const world = await (await applied()).until('execute settle');
    world.api.fault = ({ path }) => (path.endsWith('/status') ? { kind: 'lostAnswer' } : undefined);
    await expect(world.answer('Executed')).rejects.toBeInstanceOf(ApiError);
    world.api.fault = () => undefined;
    await world.run();
    expect(world.status.outcome).toBe('Completed');
    expect(world.finalizers).toEqual([]);
  });

  it('a command that the broker will never take counts as a failed attempt, so that the saga goes on and says why', async () => {
    const world = await applied();
    world.broker.beforePublish = () => {
      throw new TerminalError('saga.cmd.inventory.reserve can never be published: too large');
    };
    await world.run();
    expect(world.result.kind).toBe('requeueAfter');
    await world.wake();
    await world.pass(1_000);
    expect(world.status.steps?.[0]?.message).toContain('can never be published');
  });
});
