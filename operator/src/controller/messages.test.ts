import { commandSchema, messageVersion } from '@sagamesh/contracts/messages';
import type { Direction } from '@sagamesh/contracts/messages';
import { silentLogger } from '@sagamesh/runtime/testing/silent-logger';
import { describe, expect, it } from 'vitest';
import { planOf } from '../saga/plan.ts';
import { createCommandSender, createServiceDirectory } from './commands.ts';
import { readReplies } from './replies.ts';
import { SagaMemory } from './saga-memory.ts';
import { FakeBroker } from './testing/fake-broker.ts';
import { openContent, sagaObject, sagaUid } from './testing/sagas.ts';

function opened(annotations: Record<string, string> = {}) {
  const object = sagaObject({ metadata: { annotations } });
  const content = openContent(object);
  const check = planOf(content.spec);
  if (check.kind === 'invalid') throw new Error(check.problem);
  const memory = new SagaMemory();
  return {
    object,
    memory,
    plan: check.plan,
    entry: memory.open('shop/order-1', object, content, check.plan, 0),
  };
}

describe('a command', () => {
  it.each([
    ['execute', 0, 'saga.cmd.inventory.reserve', 'reserve'],
    ['compensate', 0, 'saga.cmd.inventory.release', 'release'],
    ['compensate', 1, 'saga.cmd.payment.refund', 'refund'],
    ['revoke', 2, 'saga.cmd.order.confirm', 'confirm'],
    ['execute', 3, 'saga.cmd.inventory.settle', 'settle'],
  ] as const)(
    'to %s step %i goes to %s and fits its schema',
    async (direction, stepIndex, subject, action) => {
      const broker = new FakeBroker();
      const { entry, object } = opened({ 'sagamesh.dev/correlation-id': 'c-1' });
      const sender = createCommandSender(broker, 'nonce');
      const commandId = sender.commandId(entry, 'step', direction);
      await sender.send(entry, object, { commandId, stepIndex, direction, attempt: 2, nowMillis: 0 });
      const [message] = broker.published;
      expect(message).toMatchObject({
        subject,
        messageId: commandId,
        headers: { 'x-correlation-id': 'c-1' },
      });
      expect(commandSchema.parse(message?.body)).toMatchObject({
        commandId,
        sagaUid,
        action,
        direction,
        attempt: 2,
        deadline: '1970-01-01T00:00:10.000Z',
      });
    },
  );

  it('never has the id of another one: not of the same step, not of another process', () => {
    const ids = ['n1', 'n2'].flatMap((nonce) => {
      const { entry } = opened();
      const sender = createCommandSender(new FakeBroker(), nonce);
      const directions: readonly Direction[] = ['execute', 'execute', 'revoke', 'compensate'];
      return directions.map((direction) => sender.commandId(entry, 'reserve', direction));
    });
    expect(new Set(ids).size).toBe(8);
    expect(ids[1]).toBe(`${sagaUid}/reserve/execute/n1/2`);
  });

  it.each([
    ['none', {}, sagaUid],
    ['one that is no header value', { 'sagamesh.dev/correlation-id': 'a\r\nb' }, sagaUid],
    ['one that is too long', { 'sagamesh.dev/correlation-id': 'x'.repeat(200_000) }, sagaUid],
    ['a good one', { 'sagamesh.dev/correlation-id': 'order-77' }, 'order-77'],
  ])('carries a correlation id although the annotation holds %s', (_name, annotations, expected) => {
    expect(opened(annotations).entry.context.correlationId).toBe(expected);
  });
});

describe('the services of a plan', () => {
  it('are missing by the subject that nobody reads', async () => {
    const broker = new FakeBroker();
    broker.consumers = new Set([
      'inventory-reserve',
      'payment-charge',
      'payment-refund',
      'order-confirm',
      'inventory-settle',
    ]);
    const directory = createServiceDirectory(broker);
    expect(await directory.missing(opened().plan)).toEqual(['saga.cmd.inventory.release']);
    broker.consumers = new Set([...broker.consumers, 'inventory-release']);
    expect(await directory.missing(opened().plan)).toEqual([]);
  });
});

describe('replies', () => {
  const reply = {
    version: messageVersion,
    commandId: 'c',
    sagaUid,
    step: 'reserve',
    direction: 'execute',
    outcome: 'Executed',
    result: { reservationId: 'r-1' },
  };

  async function reading(isLeader = true) {
    const broker = new FakeBroker();
    const { memory, entry } = opened();
    const woken: string[] = [];
    const counted: string[] = [];
    await readReplies({
      broker,
      memory,
      wake: (key) => void woken.push(key),
      metrics: {
        statusWritten: () => undefined,
        commandSent: () => undefined,
        sagaEnded: () => undefined,
        replyReceived: (kind) => void counted.push(kind),
      },
      logger: silentLogger,
      isLeader: () => isLeader,
      epochMillis: () => Date.UTC(2026, 0, 1),
    });
    return { broker, entry, memory, woken, counted };
  }

  it('are kept for their saga, which is woken', async () => {
    const { broker, entry, woken, counted } = await reading();
    broker.tell(reply);
    expect(entry.takeReplies()).toMatchObject([
      { kind: 'ReplyArrived', outcome: 'Executed', result: { reservationId: 'r-1' } },
    ]);
    expect(entry.takeReplies()).toEqual([]);
    expect([woken, counted]).toEqual([['shop/order-1'], ['open']]);
  });

  it('for nobody are counted and dropped', async () => {
    const { broker, woken, counted, memory } = await reading();
    broker.tell({ ...reply, sagaUid: '0b5a7c1e-7d52-4c39-9f0e-2f4f1d1f0a12' });
    memory.forget('shop/order-1');
    broker.tell(reply);
    expect([woken, counted]).toEqual([[], ['unknown', 'unknown']]);
    expect(broker.published).toEqual([]);
  });

  it.each([
    ['broken', new TextEncoder().encode('{')],
    ['of an unknown version', { ...reply, version: 9 }],
    ['oversized', new Uint8Array(70_000)],
  ])('that are %s go to the dead letters, by the leader alone', async (_name, body) => {
    const leader = await reading();
    leader.broker.tell(body);
    await Promise.resolve();
    await Promise.resolve();
    expect(leader.broker.on('dlq.operator')).toHaveLength(1);
    const standby = await reading(false);
    standby.broker.tell(body);
    await Promise.resolve();
    await Promise.resolve();
    expect([standby.broker.published, standby.counted, standby.woken]).toEqual([[], ['unreadable'], []]);
  });

  it('that cannot be kept stop nothing', async () => {
    const { broker, woken } = await reading();
    broker.isAway = true;
    broker.tell({ version: 9 });
    broker.tell(reply);
    expect(woken).toEqual(['shop/order-1']);
  });
});
