/** Input that nobody should send: the sender is told, nothing is lost, and nobody else notices. On the whole system. */
import { randomUUID } from 'node:crypto';
import { accessOfStepService } from '@sagamesh/contracts/broker-access';
import { messageVersion } from '@sagamesh/contracts/messages';
import type { Reply } from '@sagamesh/contracts/messages';
import type { OrderSaga } from '@sagamesh/contracts/order-saga';
import { headerNames, replySubject, streamNames } from '@sagamesh/contracts/subjects';
import { readStoredMessages } from '@sagamesh/runtime/stored-messages';
import { readMoney, readStock } from '@sagamesh/demo/ledgers';
import { natsConnectOptions } from '@sagamesh/sandbox/nats-users';
import { waitUntil } from '@sagamesh/sandbox/wait-until';
import { connect, headers } from 'nats';
import type { NatsConnection } from 'nats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { badMessages } from './support/bad-messages.ts';
import type { BadMessage } from './support/bad-messages.ts';
import { badAccountRequests } from './support/bad-account-requests.ts';
import { badRequests } from './support/bad-requests.ts';
import type { BadRequest } from './support/bad-requests.ts';
import { callers } from './support/bad-tokens.ts';
import type { Callers } from './support/bad-tokens.ts';
import { booksOf, imbalances } from './support/balance.ts';
import { readMetric } from './support/metric-reader.ts';
import type { SagaChange } from './support/saga-manifest.ts';
import { conditionsOf } from './support/saga-watch.ts';
import { answer, silence, startScriptedService } from './support/scripted-service.ts';
import type { ScriptedService } from './support/scripted-service.ts';
import { patienceMillis, startTestSystem } from './support/test-system.ts';
import type { TestSystem } from './support/test-system.ts';

let system: TestSystem;
let partner: ScriptedService;
let nats: NatsConnection;

beforeAll(async () => {
  const actions = ['hold', 'unhold'];
  system = await startTestSystem({ stepServices: [accessOfStepService('partner', actions)] });
  // What permissions would keep out: no message may do harm, whoever sent it.
  nats = await connect({ ...natsConnectOptions(system.nats.admin), name: 'mallory' });
  partner = await startScriptedService({ login: system.nats.login('partner'), actions });
});

afterAll(async () => {
  await partner?.stop();
  await nats?.close();
  await system?.stop();
});

async function publish(subject: string, body: Uint8Array, correlationId: string): Promise<void> {
  const sent = headers();
  sent.set(headerNames.correlationId, correlationId);
  await nats.jetstream().publish(subject, body, { headers: sent });
}

const paidOnce = { state: 'CONFIRMED', capturedCents: 100, refundedCents: 0 };

const createOrder = { name: 'createOrder', service: 'order', execute: 'create', compensate: 'cancel' };
const pay = { name: 'processPayment', service: 'payment', execute: 'charge', compensate: 'refund' };
const hold = {
  name: 'hold',
  service: 'partner',
  execute: 'hold',
  compensate: 'unhold',
  timeoutSeconds: 3_600,
};
const confirm = { name: 'confirmOrder', service: 'order', execute: 'confirm', pivot: true };
const heldPlan = [createOrder, pay, hold, confirm];

/** Paid, and stands still before the pivot until the partner speaks. */
async function applyHeld(id: string, change: SagaChange = {}): Promise<OrderSaga> {
  partner.script(id, 'execute', silence);
  const name = await system.applySaga({ order: { id }, plan: heldPlan, ...change });
  await partner.untilReceived(id, 'execute');
  return system.watch.until(name, isShownAtHold, {
    what: 'to be shown at hold',
    timeoutMillis: patienceMillis,
    since: 'now',
  });
}

const isShownAtHold = ({ status }: OrderSaga) =>
  status.currentStep === 'hold' && status.steps?.[2]?.state === 'Running' && status.progress === '2/4';

interface Burial {
  readonly service: string;
  readonly reason: string | undefined;
  readonly subject: string | undefined;
  readonly body: Uint8Array;
}

/** The dead letters of one message, which is known by its correlation id. */
async function burials(): Promise<ReadonlyMap<string, readonly Burial[]>> {
  const found = new Map<string, Burial[]>();
  for (const { subject, headers, body } of await readStoredMessages(
    system.nats.admin,
    streamNames.deadLetters,
  )) {
    const id = headers.get(headerNames.correlationId) ?? '';
    const burial: Burial = {
      service: subject.replace(/^dlq\./, ''),
      reason: headers.get(headerNames.deadLetterReason),
      subject: headers.get(headerNames.deadLetterSubject),
      body,
    };
    found.set(id, [...(found.get(id) ?? []), burial]);
  }
  return found;
}

function expectedBurials({ readers, reason, subject, body }: BadMessage): readonly Burial[] {
  return readers.map((service) => ({ service, reason, subject, body: Buffer.from(body) }));
}

const inOrder = (found: readonly Burial[]) =>
  found
    .map((burial) => ({ ...burial, body: Buffer.from(burial.body) }))
    .toSorted((a, b) => a.service.localeCompare(b.service));

describe('messages that cannot be read', () => {
  it('lie among the dead letters, once per reader, whole and with the reason, and nobody else is disturbed', async () => {
    const pids = [...system.processes.values()].map(({ pid }) => pid);
    const sent = badMessages.map((message, index) => ({ message, id: `bad-${index}` }));
    for (const { message, id } of sent) await publish(message.subject, message.body, id);
    const good = await system.applySaga({ story: 'in-between' });

    const expectedCount = sent.reduce((sum, { message }) => sum + message.readers.length, 0);
    const count = async () => [...(await burials()).values()].flat().length;
    await waitUntil(async () => (await count()) >= expectedCount, {
      timeoutMillis: patienceMillis,
      intervalMillis: 500,
      what: `${expectedCount} dead letters`,
    });
    const found = await burials();
    const judged = sent.map(({ message, id }) => ({
      title: `${message.subject} ${message.title}`,
      buried: inOrder(found.get(id) ?? []),
    }));
    const expected = sent.map(({ message }) => ({
      title: `${message.subject} ${message.title}`,
      buried: expectedBurials(message),
    }));
    expect(judged).toEqual(expected);
    await system.waitForOutcome(good, 'Completed');
    expect(await booksOf(system, good)).toEqual(paidOnce);
    expect([...system.processes.values()].map(({ pid }) => pid)).toEqual(pids);
  });

  it('of event types that nobody reads stay in their stream and harm nobody', async () => {
    const body = new TextEncoder().encode('not even JSON');
    await publish('events.inventory.reserved', body, 'unread-1');
    await publish('events.unheard.of', body, 'unread-2');
    const good = await system.applySaga({ story: 'beside-the-unread' });
    await system.waitForOutcome(good, 'Completed');
    const stored = await readStoredMessages(system.nats.admin, streamNames.events);
    expect(stored.filter((one) => Buffer.from(one.body).equals(body))).toHaveLength(2);
    expect([...(await burials()).keys()].filter((id) => id.startsWith('unread'))).toEqual([]);
  });
});

type ForgedReply = Pick<Reply, 'sagaUid' | 'step' | 'direction' | 'outcome'>;

async function forge(reply: ForgedReply): Promise<void> {
  const body: Reply = {
    version: messageVersion,
    commandId: 'forged',
    result: { paymentId: 'forged' },
    reason: 'Forged',
    message: 'not from a service',
    ...reply,
  };
  await publish(replySubject('order'), new TextEncoder().encode(JSON.stringify(body)), 'forged');
}

const repliesRead = (kind: 'open' | 'unknown') =>
  readMetric(system.url('operator'), 'ordersaga_replies_total', { kind });
const reconciles = () =>
  readMetric(system.url('operator'), 'controller_runtime_reconcile_total', { controller: 'ordersaga' });

/** Sends the replies and resolves when the operator has read every one of them. */
async function forgeAll(kind: 'open' | 'unknown', replies: readonly ForgedReply[]): Promise<void> {
  const before = await repliesRead(kind);
  for (const reply of replies) await forge(reply);
  await waitUntil(async () => (await repliesRead(kind)) >= before + replies.length, {
    timeoutMillis: patienceMillis,
    what: `${replies.length} replies to be read`,
  });
}

const executedHold = { step: 'hold', direction: 'execute', outcome: 'Executed' } as const;

describe('replies that answer nothing', () => {
  it('of a saga that nobody knows change nothing', async () => {
    const held = await applyHeld('beside-unknown');
    await forgeAll('unknown', [{ ...executedHold, sagaUid: randomUUID() }]);
    await partner.reply('beside-unknown', 'execute');
    const ended = await system.waitForOutcome(held.metadata.name, 'Completed');
    expect(ended.status.results?.['paymentId']).toMatch(/^pi_/);
  });

  it('of an earlier OrderSaga under the same name change nothing', async () => {
    const name = 'reborn';
    const first = await applyHeld('first-life', { name });
    await system.deleteSaga(name);
    await system.watch.untilGone(name, patienceMillis);
    const second = await applyHeld('second-life', { name });
    expect(second.metadata.uid).not.toBe(first.metadata.uid);
    const asked = partner.received('second-life').length;

    await forgeAll('unknown', [
      { ...executedHold, sagaUid: first.metadata.uid },
      { ...executedHold, outcome: 'Rejected', sagaUid: first.metadata.uid },
    ]);

    expect(system.watch.current(name)?.metadata.resourceVersion).toBe(second.metadata.resourceVersion);
    expect(partner.received('second-life')).toHaveLength(asked);
    await partner.reply('second-life', 'execute');
    await system.watch.until(name, ({ status }) => status.outcome === 'Completed', {
      what: 'to complete',
      timeoutMillis: patienceMillis,
      since: 'now',
    });
    expect(await booksOf(system, 'second-life')).toEqual(paidOnce);
  });

  it('to another question than the open one change nothing', async () => {
    const id = 'misled';
    const held = await applyHeld(id);
    const { uid: sagaUid, name } = held.metadata;
    const looks = await reconciles();
    const wrong: readonly Omit<ForgedReply, 'sagaUid'>[] = [
      { step: 'confirmOrder', direction: 'execute', outcome: 'Executed' },
      { step: 'createOrder', direction: 'execute', outcome: 'Rejected' },
      { step: 'processPayment', direction: 'compensate', outcome: 'Compensated' },
      { step: 'confirmOrder', direction: 'revoke', outcome: 'Revoked' },
      { step: 'confirmOrder', direction: 'revoke', outcome: 'PivotPassed' },
      { step: 'hold', direction: 'compensate', outcome: 'Compensated' },
      { step: 'hold', direction: 'execute', outcome: 'Revoked' },
      { step: 'hold', direction: 'execute', outcome: 'NothingToUndo' },
      // Of an attempt that is not the present one: the command id differs.
      { step: 'hold', direction: 'execute', outcome: 'Failed' },
      { step: 'no-such-step', direction: 'execute', outcome: 'Executed' },
    ];

    await forgeAll(
      'open',
      wrong.map((reply) => ({ ...reply, sagaUid })),
    );

    await waitUntil(async () => (await reconciles()) > looks, {
      timeoutMillis: patienceMillis,
      what: 'the operator to look at the saga',
    });
    expect(system.watch.current(name)?.metadata.resourceVersion).toBe(held.metadata.resourceVersion);
    expect(partner.received(id)).toHaveLength(1);
    await partner.reply(id, 'execute');
    const ended = await system.waitForOutcome(name, 'Completed');
    expect(ended.status.failure).toBeUndefined();
    expect(ended.status.results?.['paymentId']).toMatch(/^pi_/);
    expect(await booksOf(system, id)).toEqual(paidOnce);
  });
});

const patchStatus = (name: string, type: 'json' | 'merge', patch: unknown) =>
  system.shop([
    'patch',
    `osaga/${name}`,
    '--subresource=status',
    `--type=${type}`,
    `--patch=${JSON.stringify(patch)}`,
  ]);
const wipe = (name: string) => patchStatus(name, 'json', [{ op: 'remove', path: '/status' }]);

/** The saga as it is shown after the newest edit. */
async function shownAgain(name: string, editedVersion: string): Promise<OrderSaga> {
  return system.watch.until(
    name,
    (saga) => Number(saga.metadata.resourceVersion) > Number(editedVersion) && isShownAtHold(saga),
    { what: 'to be shown as it is', timeoutMillis: patienceMillis, since: 'now' },
  );
}

const versionNow = async (name: string) => (await system.getSaga(name)).metadata.resourceVersion;

describe('a status that somebody else wrote', () => {
  it('is built again when it was wiped mid-flight', async () => {
    const held = await applyHeld('wiped');
    const { name, resourceVersion } = held.metadata;
    await wipe(name);
    const shown = await shownAgain(name, resourceVersion);
    expect(shown.status.results).toEqual(held.status.results);
    expect(shown.status.startedAt).toEqual(held.status.startedAt);
    await partner.reply('wiped', 'execute');
    await system.waitForOutcome(name, 'Completed');
    expect(await booksOf(system, 'wiped')).toEqual(paidOnce);
  });

  it('is corrected when it was edited mid-flight, and leads nobody astray', async () => {
    const held = await applyHeld('edited');
    const { name, resourceVersion } = held.metadata;
    const conditions = held.status.conditions?.map((one) => ({
      ...one,
      status: one.type === 'Stalled' ? 'True' : 'False',
      reason: 'Edited',
    }));
    await patchStatus(name, 'merge', {
      status: { conditions, progress: '4/4', currentStep: 'confirmOrder' },
    });
    const shown = await shownAgain(name, resourceVersion);
    expect(conditionsOf(shown)).toEqual(conditionsOf(held));
    await partner.reply('edited', 'execute');
    await system.waitForOutcome(name, 'Completed');
    expect(await booksOf(system, 'edited')).toEqual(paidOnce);
  });

  it('is built again when it was wiped while no operator ran: everything is asked again, and paid once', async () => {
    const held = await applyHeld('wiped-alone');
    const { name } = held.metadata;
    await system.process('operator').kill();
    await wipe(name);
    partner.script('wiped-alone', 'execute', answer('Executed'));
    await system.process('operator').start();
    const ended = await system.waitForOutcome(name, 'Completed');
    expect(ended.status.steps?.map(({ state }) => state)).toEqual(['Done', 'Done', 'Done', 'Done']);
    expect(ended.status.results).toEqual(held.status.results);
    expect(await booksOf(system, 'wiped-alone')).toEqual(paidOnce);
  });

  it('cannot be wiped after the end, and an edited one makes nothing run again', async () => {
    const id = 'edited-late';
    const name = await system.applySaga({ order: { id }, plan: heldPlan });
    await system.waitForOutcome(name, 'Completed');
    await system.watch.until(name, ({ metadata }) => metadata.finalizers.length === 0, {
      what: 'to be released',
      timeoutMillis: patienceMillis,
    });
    await expect(wipe(name)).rejects.toThrow('status.outcome is final');
    const looks = await reconciles();
    await patchStatus(name, 'merge', { status: { steps: null, progress: '0/4', finishedAt: null } });
    await waitUntil(async () => (await reconciles()) > looks, {
      timeoutMillis: patienceMillis,
      what: 'the operator to look at the saga',
    });
    // What is sent now is sent after whatever that look had led to.
    const next = await system.applySaga({ story: 'after-the-edit' });
    await system.waitForOutcome(next, 'Completed');
    expect(partner.received(id)).toHaveLength(1);
    expect((await system.getSaga(name)).status.outcome).toBe('Completed');
    expect(await versionNow(name)).toBe(system.watch.current(name)?.metadata.resourceVersion);
    expect(await booksOf(system, id)).toEqual(paidOnce);
  });
});

const problemSchema = z.object({
  type: z.string(),
  title: z.string().min(1),
  status: z.int(),
  instance: z.string(),
  correlationId: z.string().min(1),
  errors: z.array(z.object({ pointer: z.string(), detail: z.string().min(1) })).default([]),
});

interface Answer {
  readonly status: number;
  readonly contentType: string | null;
  readonly challenge: string | null;
  readonly text: string;
}

async function send(as: Callers, request: BadRequest): Promise<Answer> {
  const { service, method, path, body } = request;
  const response = await fetch(`${system.url(service)}${path}`, {
    method,
    headers: {
      'idempotency-key': `"${randomUUID()}"`,
      ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      ...as[request.as ?? 'customer'],
      ...request.headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  return {
    status: response.status,
    contentType: response.headers.get('content-type'),
    challenge: response.headers.get('www-authenticate'),
    text: await response.text(),
  };
}

/** What is wrong with an answer to a bad request, in words; nothing when it is as it should be. */
function complaints({ status, pointers = [], path }: BadRequest, answer: Answer): readonly string[] {
  if (answer.status !== status) return [`answered ${answer.status}, not ${status}: ${answer.text}`];
  const problem = problemSchema.safeParse(JSON.parse(answer.text)).data;
  if (!problem) return [`is no problem document: ${answer.text}`];
  const given = problem.errors.map(({ pointer }) => pointer);
  return [
    ...(answer.contentType?.startsWith('application/problem+json') ? [] : [`is ${answer.contentType}`]),
    ...(problem.status === status ? [] : [`says ${problem.status} in its body`]),
    ...(path.startsWith(problem.instance) ? [] : [`is about ${problem.instance}`]),
    ...(status === 401 && !answer.challenge?.startsWith('Bearer') ? ['does not say how to sign in'] : []),
    ...pointers
      .filter((pointer) => !given.includes(pointer))
      .map((pointer) => `points to ${given.join(' and ')}, not to "${pointer}": ${answer.text}`),
    ...(/node_modules|\.m?[jt]s:\d/.test(answer.text) ? ['shows a stack'] : []),
  ];
}

describe('HTTP requests that make no sense', () => {
  it('are answered with a problem document that says what and where, and leave no trace', async () => {
    const as = await callers(system);
    const before = { money: await readMoney(system), stock: await readStock(system) };
    const refusals: { readonly request: string; readonly complaints: readonly string[] }[] = [];
    for (const request of [...badRequests, ...badAccountRequests]) {
      const { service, method, path, title } = request;
      const found = complaints(request, await send(as, request));
      refusals.push({ request: `${service}: ${method} ${path}: ${title}`, complaints: found });
    }
    expect(refusals.length).toBeGreaterThan(60);
    expect(refusals.filter((one) => one.complaints.length > 0)).toEqual([]);
    expect({ money: await readMoney(system), stock: await readStock(system) }).toEqual(before);
  });

  it("hide a stranger's order as if there were none", async () => {
    const as = await callers(system);
    const mine = await system.applySaga({ story: 'private', order: { customerId: 'grace' } });
    await system.waitForOutcome(mine, 'Completed');
    const path = `/api/v1/orders/${mine}`;
    const request = { title: '', service: 'order', method: 'GET', path } as const;
    const stranger = await send(as, { ...request, status: 404 });
    const nothing = await send(as, { ...request, path: '/api/v1/orders/private-0', status: 404 });
    const admin = await send(as, { ...request, as: 'admin', status: 200 });
    expect([stranger.status, nothing.status, admin.status]).toEqual([404, 404, 200]);
    expect(detailOf(stranger)).toBe(detailOf(nothing));
  });

  const detailOf = ({ text }: Answer) => z.object({ detail: z.string() }).parse(JSON.parse(text)).detail;
});

it('after all this the books balance', async () => {
  expect(await imbalances(system)).toEqual([]);
});
