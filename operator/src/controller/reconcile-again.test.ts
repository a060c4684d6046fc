import { describe, expect, it } from 'vitest';
import { SagaWorld, key } from './testing/saga-world.ts';

async function applied(spec: Readonly<Record<string, unknown>> = {}): Promise<SagaWorld> {
  return new SagaWorld().create(spec);
}

describe('a restart', () => {
  it.each(['execute reserve', 'execute charge', 'execute confirm', 'execute settle'])(
    'after %s ends the same way',
    async (last) => {
      const world = await (await applied()).until(last);
      await world.restart().untilEnd();
      expect(world.status).toMatchObject({ outcome: 'Completed', progress: '4/4' });
    },
  );

  it('never sends the same command id twice', async () => {
    const world = await (await applied()).until('execute settle');
    await world.restart().untilEnd();
    const ids = world.broker.published.map((message) => message.messageId);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.length).toBe(8);
  });

  it('with a finalizer and no status undoes what may have been sent when the saga is cancelled', async () => {
    const world = await (await applied()).run();
    await world.patchStatus(null);
    await world.patch({ spec: { cancel: true } });
    await world.restart().untilEnd();
    expect(world.sent.slice(1)).toEqual(['revoke confirm', 'compensate charge', 'compensate reserve']);
  });
});

describe('each look', () => {
  it('keeps a reply that comes while the command is still on its way', async () => {
    const world = await applied();
    world.broker.beforePublish = ({ body }) => {
      if (!('step' in body) || body.step !== 'reserve' || !('commandId' in body)) return;
      const commandId = String(body.commandId);
      world.memory.deliver('uid-1', {
        kind: 'ReplyArrived',
        step: 'reserve',
        direction: 'execute',
        outcome: 'Executed',
        commandId,
        result: { reservationId: 'res-1' },
        reason: '',
        message: '',
      });
      world.woken.add(key);
    };
    await world.run();
    expect(world.sent).toEqual(['execute reserve', 'execute charge']);
    expect(world.commands.at(-1)?.results).toEqual({ reservationId: 'res-1' });
  });

  it('at rest does nothing: no write, no command, no read', async () => {
    const world = await (await applied()).until('execute charge');
    await world.pass(1_000);
    const [requests, published] = [world.api.requests.length, world.broker.published.length];
    for (let count = 0; count < 5; count += 1) await world.run();
    expect([world.api.requests.length, world.broker.published.length]).toEqual([requests, published]);
  });

  it('is not woken by what it wrote itself, whichever comes first, answer or watch', async () => {
    const world = (await applied()).holdWatch().releaseWatch();
    world.woken.clear();
    world.holdWatch();
    await world.reconcile();
    world.releaseWatch();
    expect(world.woken.size).toBe(0);
  });

  it('of an unknown key is done', async () => {
    const world = new SagaWorld();
    expect(await world.reconcile()).toEqual({ kind: 'done' });
  });
});
