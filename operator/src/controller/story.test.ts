import { describe, expect, it } from 'vitest';
import { SagaWorld } from './testing/saga-world.ts';

async function until(wanted: string, spec: Readonly<Record<string, unknown>> = {}): Promise<SagaWorld> {
  return (await new SagaWorld().create(spec)).until(wanted);
}

/** Fails each attempt for as long as told. */
async function failing(world: SagaWorld, times: number): Promise<void> {
  for (let count = 0; count < times; count += 1) {
    await world.answer('Failed', { reason: 'Down', message: 'no database' });
    await world.wake();
  }
}

describe('the Events of a saga', () => {
  it('that is declined tell the cause, what was undone and the end: what said no has nothing to undo', async () => {
    const world = await until('execute charge');
    await world.answer('Rejected', { reason: 'CardDeclined', message: 'insufficient funds' });
    await world.untilEnd();
    expect(world.events).toEqual([
      'Normal SagaStarted',
      'Warning SagaTurnedRound',
      'Normal StepCompensated',
      'Warning SagaCompensated',
    ]);
    expect(world.story[1]?.note).toBe('charge: CardDeclined: insufficient funds');
    expect(world.story.map((line) => line.action)).toContain('Compensate/reserve');
  });

  it('that is stuck tell so once, and again for the next step that is', async () => {
    const world = await until('execute charge');
    await world.answer('Rejected');
    await failing(world, 14);
    expect(world.events.filter((event) => event === 'Warning RevokeStuck')).toHaveLength(1);
    await world.answer('Revoked');
    await failing(world, 14);
    expect(world.events.filter((event) => event === 'Warning CompensationStuck')).toHaveLength(1);
    expect(world.sent.slice(2, 4)).toEqual(['revoke confirm', 'revoke confirm']);
  });

  it('that is cancelled too late tell so once', async () => {
    const world = await until('execute settle');
    await world.patch({ spec: { cancel: true } });
    await world.untilEnd();
    expect(world.events).toEqual(['Normal SagaStarted', 'Warning CancelTooLate', 'Normal SagaCompleted']);
  });

  it('whose step is given up tell who did it', async () => {
    const world = await until('execute settle');
    await world.answer('Rejected', { reason: 'NotReserved' });
    await world.patch({
      metadata: {
        annotations: { 'sagamesh.dev/abandon-step': 'settle', 'sagamesh.dev/abandoned-by': 'ada' },
      },
    });
    await world.untilEnd();
    expect(world.events.slice(1)).toEqual([
      'Warning StepStuck',
      'Warning StepAbandoned',
      'Warning SagaAbandoned',
    ]);
    expect(world.story.at(-2)?.note).toBe('execute of settle was given up by: ada');
    expect(world.status.abandoned?.[0]).toMatchObject({ step: 'settle', direction: 'execute', by: 'ada' });
  });

  it('that waits for a service or a person tell so once', async () => {
    const world = await new SagaWorld().create();
    const { consumers } = world.broker;
    world.broker.consumers = new Set();
    await world.run();
    await world.wake();
    await world.wake();
    expect(world.events).toEqual(['Warning ServiceUnknown']);
    world.broker.consumers = consumers;
    await world.patch({ spec: { suspend: true } });
    await world.run();
    expect(world.events).toEqual(['Warning ServiceUnknown', 'Normal Suspended']);
    await world.patch({ spec: { suspend: false } });
    await world.run();
    await world.wake(); // it asks for its services again
    await world.untilEnd();
    expect(world.status.outcome).toBe('Completed');
  });
});
