import { describe, expect, it } from 'vitest';
import { SagaWorld } from './testing/saga-world.ts';

async function applied(spec: Readonly<Record<string, unknown>> = {}): Promise<SagaWorld> {
  return new SagaWorld().create(spec);
}

const undone = ['revoke confirm', 'compensate charge', 'compensate reserve'];

describe('a declined saga', () => {
  it('records the cause before the first revoke, undoes in reverse, and says so at the end', async () => {
    const world = await (await applied()).until('execute charge');
    let failureAtRevoke: unknown;
    world.broker.beforePublish = () => (failureAtRevoke ??= world.status.failure);
    await world.answer('Rejected', { reason: 'CardDeclined', message: 'insufficient funds' });
    expect(failureAtRevoke).toEqual({
      step: 'charge',
      reason: 'CardDeclined',
      message: 'insufficient funds',
    });
    await world.untilEnd();
    expect(world.sent.slice(2)).toEqual(undone);
    expect(world.conditions).toEqual([
      'Succeeded=False/Compensated',
      'Ready=False/Compensated',
      'Reconciling=False/Compensated',
      'Stalled=True/Compensated',
    ]);
    expect(world.events.at(-1)).toBe('Warning SagaCompensated');
  });
});

describe('deletion', () => {
  it('in mid-flight compensates first; then the object is gone, and nothing is left', async () => {
    const world = await (await applied()).until('execute charge');
    await world.delete();
    await world.run();
    expect(world.conditions[0]).toBe('Succeeded=Unknown/Deleting');
    await world.untilEnd();
    expect(world.sent.slice(2)).toEqual(undone);
    expect(world.exists).toBe(false);
    await world.run();
    expect(world.memory.size).toBe(0);
    expect(world.result).toEqual({ kind: 'done' });
  });

  it('ends without an error: the release of the finalizer takes the object out of the cache', async () => {
    const world = await (await applied()).until('execute charge');
    await world.delete();
    await world.run();
    while (world.sent.at(-1) !== 'compensate reserve')
      await world.answer(world.sent.at(-1) === undone[0] ? 'Revoked' : 'Compensated');
    world.holdWatch();
    await expect(world.answer('Compensated')).resolves.toBeDefined();
    expect(world.exists).toBe(false);
  });

  it('while suspended does not wait for anybody to resume', async () => {
    const world = await (await applied({ suspend: true })).run();
    expect(world.conditions[0]).toBe('Succeeded=Unknown/Suspended');
    expect(world.finalizers).toEqual([]);
    await world.delete();
    await world.run();
    expect([world.exists, world.memory.size, world.sent]).toEqual([false, 0, []]);
  });

  it('while suspended half-way compensates', async () => {
    const world = await (await applied()).run();
    await world.patch({ spec: { suspend: true } });
    await world.answer('Executed');
    expect(world.conditions).toContain('Reconciling=False/Suspended');
    await world.delete();
    await world.untilEnd();
    expect(world.sent.slice(1)).toEqual(undone);
    expect(world.exists).toBe(false);
  });

  it('while a service is unknown leaves at once: nothing was sent', async () => {
    const world = await applied();
    world.broker.consumers = new Set();
    await world.run();
    expect(world.conditions.slice(1, 3)).toEqual([
      'Ready=False/ServiceUnknown',
      'Reconciling=True/ServiceUnknown',
    ]);
    await world.delete();
    await world.run();
    expect([world.exists, world.memory.size, world.sent]).toEqual([false, 0, []]);
  });

  it('before our first look, with a finalizer of somebody else, records an end without a command', async () => {
    const world = await new SagaWorld().create({}, { finalizers: ['example.org/keep'] });
    await world.delete();
    await world.run();
    expect(world.status.outcome).toBe('Compensated');
    expect(world.finalizers).toEqual(['example.org/keep']);
    expect(world.sent).toEqual([]);
  });

  it('goes on without our finalizer when somebody removed it and another one holds the object', async () => {
    const world = await new SagaWorld().create({}, { finalizers: ['example.org/keep'] });
    await world.until('execute charge');
    await world.delete();
    await world.patch({ metadata: { finalizers: ['example.org/keep'] } });
    await world.untilEnd();
    expect(world.sent.slice(2)).toEqual(undone);
    expect(world.status.outcome).toBe('Compensated');
  });

  it('past the pivot goes forward to the end', async () => {
    const world = await (await applied()).until('execute settle');
    await world.delete();
    await world.untilEnd();
    expect(world.sent.at(-1)).toBe('execute settle');
    expect(world.exists).toBe(false);
    expect(world.ended).toEqual(['Completed']);
  });
});

describe('an object that admission would refuse today', () => {
  const bare = { order: { id: 'order-1' } };

  it('says so, and nothing is sent', async () => {
    const world = await new SagaWorld().createBroken(bare);
    await world.run();
    expect(world.conditions).toEqual([
      'Succeeded=False/InvalidSpec',
      'Ready=False/InvalidSpec',
      'Reconciling=False/InvalidSpec',
      'Stalled=True/InvalidSpec',
    ]);
    expect(world.sent).toEqual([]);
    expect(world.result).toEqual({ kind: 'done' });
  });

  it('says so once per generation', async () => {
    const world = await new SagaWorld().createBroken(bare);
    await world.run();
    await world.run();
    expect(world.statusWrites).toEqual(['invalid']);
    await world.patch({ spec: { suspend: true } });
    await world.run();
    expect(world.statusWrites).toEqual(['invalid', 'invalid']);
    expect(world.status.observedGeneration).toBe(2);
  });

  it('with a plan that has no pivot is told apart by its problem', async () => {
    const world = await applied({
      steps: [{ name: 'reserve', service: 'inventory', execute: 'reserve', compensate: 'release' }],
    });
    await world.run();
    expect(world.status.conditions?.[0]?.message).toContain('pivot');
  });

  it('is driven as soon as it is corrected', async () => {
    const world = await applied();
    await world.patch({ spec: { deadlineSeconds: -1 } });
    await world.run();
    expect(world.conditions[0]).toBe('Succeeded=False/InvalidSpec');
    await world.patch({ spec: { deadlineSeconds: 60 } });
    await world.untilEnd();
    expect(world.status.outcome).toBe('Completed');
  });

  it('is not let go when it is deleted in mid-flight, and says what to do', async () => {
    const world = await (await applied()).until('execute charge');
    await world.patch({ spec: { deadlineSeconds: -1 } });
    await world.delete();
    await world.run();
    expect(world.finalizers).toEqual(['sagamesh.dev/compensate']);
    expect(world.status.conditions?.[0]?.message).toMatch(/deadlineSeconds.*finalizer/s);
    expect(world.events.at(-1)).toBe('Warning InvalidSpec');
  });

  it('keeps what was said at its end, expires, and is let go when deleted', async () => {
    const world = await (await applied()).untilEnd();
    await world.patch({
      spec: { deadlineSeconds: -1 },
      metadata: { finalizers: ['sagamesh.dev/compensate'] },
    });
    await world.run();
    expect(world.conditions[0]).toBe('Succeeded=True/Completed');
    expect(world.finalizers).toEqual([]);
    await world.pass(86_400_000);
    expect(world.exists).toBe(false);
  });
});

describe('after the end', () => {
  it('a changed spec is acknowledged, so that nobody who compares generations waits for ever', async () => {
    const world = await (await applied()).untilEnd();
    await world.patch({ spec: { ttlSecondsAfterFinished: 100 } });
    await world.run();
    expect(world.status.observedGeneration).toBe(2);
    expect(world.status.conditions?.map((condition) => condition.observedGeneration)).toEqual([2, 2, 2, 2]);
    expect(world.conditions[0]).toBe('Succeeded=True/Completed');
    const writes = world.writes.length;
    await world.run();
    expect(world.writes).toHaveLength(writes);
    expect(world.result).toEqual({ kind: 'requeueAfter', delayMillis: 100_000 });
  });

  it('a spec that changed between the outcome and the release of the finalizer is acknowledged, too', async () => {
    const world = await (await applied()).until('execute settle');
    world.onOutcome(() => (world.isLeading = false));
    await expect(world.answer('Executed')).rejects.toThrow('not leading');
    world.isLeading = true;
    await world.patch({ spec: { suspend: true } });
    // The answer to our own write is faster than the watch.
    await world.holdWatch().run();
    expect(world.finalizers).toEqual([]);
    expect([world.stored.metadata['generation'], world.status.observedGeneration]).toEqual([2, 2]);
  });

  it('a cancel gets an answer and changes nothing', async () => {
    const world = await (await applied()).untilEnd();
    await world.patch({ spec: { cancel: true } });
    await world.run();
    expect(world.events.at(-1)).toBe('Warning CancelTooLate');
    expect(world.status.outcome).toBe('Completed');
    expect(world.memory.size).toBe(0);
  });

  it('a late reply finds nobody', async () => {
    const world = await (await applied()).untilEnd();
    world.reply('Rejected');
    expect([world.woken.size, world.memory.size]).toEqual([0, 0]);
  });

  it('a finalizer of ours that somebody puts back is released again', async () => {
    const world = await (await applied()).untilEnd();
    await world.patch({ metadata: { finalizers: ['sagamesh.dev/compensate'] } });
    await world.run();
    expect(world.finalizers).toEqual([]);
    expect(world.memory.size).toBe(0);
  });
});

describe('an annotation that is no header value', () => {
  it('cannot keep a saga from being sent', async () => {
    const world = await new SagaWorld().create(
      {},
      { annotations: { 'sagamesh.dev/correlation-id': 'two\nlines' } },
    );
    await world.run();
    expect(world.broker.published[0]?.headers?.['x-correlation-id']).toBe('uid-1');
  });
});

describe('an action that changes nothing', () => {
  it('cannot spin: the saga is looked at again later, with a growing pause', async () => {
    const world = await new SagaWorld().create();
    let patches = 0;
    world.api.fault = ({ method, path }) => {
      if (method !== 'PATCH' || path.endsWith('/status')) return undefined;
      patches += 1;
      return { kind: 'answer', status: 200, body: JSON.stringify(world.stored) };
    };
    expect(await world.reconcile()).toEqual({ kind: 'requeue' });
    expect(patches).toBeLessThan(15);
  });
});
