import { accessOfStepService, adminClient, brokerAccesses } from '@sagamesh/contracts/broker-access';
import type { BrokerAccess } from '@sagamesh/contracts/broker-access';
import { commandSchema } from '@sagamesh/contracts/messages';
import { commandSubject, inboxPrefixOf, streamNames } from '@sagamesh/contracts/subjects';
import { DataDir } from '@sagamesh/sandbox/data-dir';
import { startNats, type NatsServer } from '@sagamesh/sandbox/nats-server';
import { natsConnectOptions } from '@sagamesh/sandbox/nats-users';
import { connect, Events, type NatsConnection } from 'nats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { openNatsBroker, type NatsBroker } from './nats-broker.ts';
import { readStoredMessages } from './stored-messages.ts';
import { silentLogger } from './testing/silent-logger.ts';

/** What the real server says to those who try more than their part: by the front door, and by having the server speak for them. */

let dataDir: DataDir;
let server: NatsServer;
let operator: NatsBroker;

const stepService = accessOfStepService('shipping', ['ship']);
const clients = [...brokerAccesses, stepService];
const processes = clients.filter(({ name }) => name !== adminClient);

beforeAll(async () => {
  dataDir = await DataDir.temporary();
  server = await startNats({ dataDir, moreClients: [stepService] });
  operator = openNatsBroker({ ...server.login('operator'), name: 'operator', logger: silentLogger });
  await operator.ready();
  operator.keepStreams(['inventory']);
});

afterAll(async () => {
  await operator.close();
  await server.stop();
  dataDir.close({ remove: true });
});

interface Intruder {
  readonly connection: NatsConnection;
  /** `publish <subject>` or `subscription <subject>`, as the server refused them. */
  readonly refused: Set<string>;
  readonly close: () => Promise<void>;
}

/** The plain client with the login of one of the processes. */
async function intrudeAs(name: string): Promise<Intruder> {
  const connection = await connect({
    ...natsConnectOptions(server.login(name)),
    inboxPrefix: inboxPrefixOf(name),
  });
  const refused = new Set<string>();
  void (async () => {
    for await (const { type, permissionContext } of connection.status()) {
      if (type !== Events.Error || permissionContext === undefined) continue;
      refused.add(`${permissionContext.operation} ${permissionContext.subject}`);
    }
  })();
  return { connection, refused, close: () => connection.close() };
}

/** The server answers in order, so with the refusal of the last one all are there. */
const last = 'refused.to.everybody';

async function tryAll(
  name: string,
  attempt: (connection: NatsConnection) => void,
): Promise<readonly string[]> {
  const { connection, refused, close } = await intrudeAs(name);
  attempt(connection);
  connection.publish(last);
  await expect.poll(() => refused.has(`publish ${last}`)).toBe(true);
  await close();
  return [...refused].filter((one) => one !== `publish ${last}`);
}

/** A subject that the pattern stands for. */
const exampleOf = (pattern: string) => pattern.replace(/>$/, 'anything');

const covers = (pattern: string, subject: string) =>
  pattern === subject || (pattern.endsWith('>') && subject.startsWith(pattern.slice(0, -1)));

const nobodys = [
  ...Object.values(streamNames).flatMap((stream) => [
    `$JS.API.STREAM.DELETE.${stream}`,
    `$JS.API.STREAM.PURGE.${stream}`,
    `$JS.API.STREAM.MSG.GET.${stream}`,
    `$JS.API.STREAM.MSG.DELETE.${stream}`,
    `$JS.API.STREAM.RESTORE.${stream}`,
  ]),
  '$JS.API.STREAM.CREATE.ANOTHER',
  '$JS.API.STREAM.UPDATE.KV_cache-inventory',
  '$JS.API.STREAM.DELETE.KV_cache-inventory',
  '$JS.API.DIRECT.GET.KV_cache-inventory.$KV.cache-inventory.x',
  '$JS.API.CONSUMER.CREATE.SAGA_COMMANDS',
  '$JS.API.CONSUMER.CREATE.SAGA_COMMANDS.inventory-reserve',
  '$JS.API.CONSUMER.CREATE.SAGA_COMMANDS.inventory-reserve.saga.cmd.payment.charge',
  '$JS.API.CONSUMER.DURABLE.CREATE.SAGA_COMMANDS.inventory-reserve',
  '$JS.API.CONSUMER.DELETE.SAGA_COMMANDS.payment-charge',
  '$JS.FC.DOMAIN_EVENTS.x.y',
];

/** Everything that somebody may publish, and what nobody may. The wildcard of admin gives no example. */
const subjects = [...new Set([...processes.flatMap(({ publish }) => publish.map(exampleOf)), ...nobodys])];

describe.each(processes)('$name', ({ name, publish, subscribe }: BrokerAccess) => {
  it('is refused every subject that is not its own, and none that is', async () => {
    const expected = subjects.filter((subject) => !publish.some((pattern) => covers(pattern, subject)));
    const refused = await tryAll(name, (connection) => {
      for (const subject of subjects) connection.publish(subject);
    });
    expect(refused.toSorted()).toEqual(expected.map((subject) => `publish ${subject}`).toSorted());
  });

  it('hears no message of others: no inbox, no command, no reply, no event', async () => {
    const others = clients.filter((client) => client.name !== name).map((one) => inboxPrefixOf(one.name));
    const listened = [
      ...others.map((prefix) => `${prefix}.>`),
      '_INBOX.>',
      '>',
      '*.>',
      'saga.>',
      commandSubject('payment', 'charge'),
      'events.>',
      '$JS.API.>',
      '$KV.>',
      `$JS.ACK.>`,
    ];
    const refused = await tryAll(name, (connection) => {
      for (const subject of [...listened, ...subscribe]) connection.subscribe(subject);
    });
    expect(refused.toSorted()).toEqual(listened.map((subject) => `subscription ${subject}`).toSorted());
  });
});

describe('admin', () => {
  it('may read, delete and make a stream', async () => {
    const { connection, refused, close } = await intrudeAs(adminClient);
    const jsm = await connection.jetstreamManager();
    expect(await jsm.streams.delete(streamNames.deadLetters)).toBe(true);
    await jsm.streams.add({ name: streamNames.deadLetters, subjects: ['dlq.>'] });
    expect([...refused]).toEqual([]);
    await close();
  });
});

describe('a forged payment command', () => {
  const subject = commandSubject('payment', 'charge');
  const storedCommands = async () =>
    (await readStoredMessages(server.admin, streamNames.commands)).filter((one) => one.subject === subject);

  it('of the notification service is refused, and the server says so', async () => {
    const before = (await storedCommands()).length;
    const refused = await tryAll('notification', (connection) => connection.publish(subject, '{}'));
    expect(refused).toEqual([`publish ${subject}`]);
    expect((await storedCommands()).length).toBe(before);
  });

  // Both rights would be enough to forge a command: the server itself publishes to the subject that is named there.
  it.each([
    ['by having a stream republish', '$JS.API.STREAM.UPDATE.SAGA_REPLIES'],
    ['by making a bucket that republishes', '$JS.API.STREAM.CREATE.KV_cache-inventory'],
    ['by a direct get of an own entry', '$JS.API.DIRECT.GET.KV_cache-inventory.$KV.cache-inventory.x'],
  ])('is refused %s', async (_how, call) => {
    const before = (await storedCommands()).length;
    const refused = await tryAll('inventory', (connection) => {
      connection.publish('$KV.cache-inventory.x', 'forged');
      connection.publish(call, '{}', { reply: subject });
    });
    expect(refused).toEqual([`publish ${call}`]);
    expect((await storedCommands()).length).toBe(before);
  });

  it('by reading an own entry to that subject arrives wrapped, and is no command', async () => {
    const { connection, close } = await intrudeAs('inventory');
    await expect
      .poll(async () =>
        connection.request('$KV.cache-inventory.x', 'forged').then(
          () => true,
          () => false,
        ),
      )
      .toBe(true);
    const call = '$JS.API.STREAM.MSG.GET.KV_cache-inventory';
    connection.publish(call, '{"last_by_subj":"$KV.cache-inventory.x"}', { reply: subject });
    await connection.flush();
    await expect.poll(async () => (await storedCommands()).length).toBeGreaterThan(0);
    for (const { body } of await storedCommands()) {
      const text = Buffer.from(body).toString();
      expect(text).not.toContain('forged');
      expect(commandSchema.safeParse(JSON.parse(text)).success).toBe(false);
    }
    await close();
  });
});

/** ADR 14, consequences: if a later server refuses this, so much the better; then say so there. */
describe('what rights on subjects cannot stop', () => {
  it('a reader has the empty answer to his request delivered as a request to delete a stream', async () => {
    const { connection, close } = await intrudeAs('inventory');
    const spec = { durable_name: 'inventory-reserve', filter_subject: 'saga.cmd.inventory.reserve' };
    const config = { ...spec, ack_policy: 'explicit' };
    const made = await connection.request(
      `$JS.API.CONSUMER.CREATE.SAGA_COMMANDS.inventory-reserve.${spec.filter_subject}`,
      JSON.stringify({ stream_name: streamNames.commands, config, action: 'create' }),
    );
    expect(made.json()).not.toHaveProperty('error');
    const admin = await intrudeAs(adminClient);
    const created = async () =>
      (await (await admin.connection.jetstreamManager()).streams.info(streamNames.deadLetters)).created;
    const before = await created();
    const next = '$JS.API.CONSUMER.MSG.NEXT.SAGA_COMMANDS.inventory-reserve';
    connection.publish(next, '{"batch":1,"no_wait":true}', { reply: '$JS.API.STREAM.DELETE.DEAD_LETTERS' });
    // The operator makes it again.
    await expect.poll(() => created().catch(() => before), { timeout: 10_000 }).not.toBe(before);
    await admin.close();
    await close();
  });
});

describe('commands of another service', () => {
  const own = 'saga.cmd.inventory.reserve';
  const call = `$JS.API.CONSUMER.CREATE.SAGA_COMMANDS.inventory-reserve.${own}`;

  it.each([
    ['another filter', { filter_subject: commandSubject('payment', 'charge') }],
    ['no filter', {}],
    ['two filters', { filter_subjects: [own, commandSubject('payment', 'charge')] }],
    [
      'two filters behind the one',
      { filter_subject: own, filter_subjects: [commandSubject('payment', 'charge')] },
    ],
    [
      'a filter and another name',
      { filter_subject: own, durable_name: 'payment-charge', name: 'payment-charge' },
    ],
  ])('cannot be read with %s in the body than in the subject', async (_what, change) => {
    const { connection, close } = await intrudeAs('inventory');
    const config = {
      durable_name: 'inventory-reserve',
      name: 'inventory-reserve',
      ack_policy: 'explicit',
      ...change,
    };
    const body = JSON.stringify({ stream_name: streamNames.commands, config, action: 'create' });
    const answer = await connection.request(call, body);
    expect(answer.json()).toMatchObject({ error: { code: 400 } });
    await close();
  });
});
