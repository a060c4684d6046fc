import { describe, expect, it } from 'vitest';
import { accessOfStepService, brokerAccesses } from './broker-access.ts';
import { natsAuthorization, passwordFromEnvironment, quoted } from './nats-authorization.ts';

/** The whole table of who may do what, so that a change of a contract shows here as a change of rights. */

function of(name: string) {
  const found = brokerAccesses.find((client) => client.name === name);
  if (found === undefined) throw new Error(`nobody is called ${name}`);
  return found;
}

/** Without the calls to JetStream, which are compared on a real server. */
const messagesOf = (name: string) => of(name).publish.filter((subject) => !subject.startsWith('$'));

/** Does `pattern` let somebody publish `subject`? */
function allows(pattern: string, subject: string): boolean {
  const wanted = subject.split('.');
  const tokens = pattern.split('.');
  const fits = (token: string, index: number) => token === '>' || token === '*' || token === wanted[index];
  return (
    tokens.every(fits) &&
    (tokens.at(-1) === '>' ? wanted.length >= tokens.length : wanted.length === tokens.length)
  );
}

const everybody = brokerAccesses.map(({ name }) => name);
const processes = everybody.filter((name) => name !== 'admin');
const services = processes.filter((name) => name !== 'operator');
const whoMayPublish = (subject: string) =>
  processes.filter((name) => of(name).publish.some((pattern) => allows(pattern, subject)));

describe('messages', () => {
  it.each([
    ['operator', ['saga.cmd.>', 'dlq.operator']],
    [
      'order',
      [
        'saga.reply.order',
        'events.order.created',
        'events.order.confirmed',
        'events.order.cancelled',
        'dlq.order',
      ],
    ],
    [
      'inventory',
      [
        'saga.reply.inventory',
        'events.inventory.reserved',
        'events.inventory.released',
        'events.inventory.sold',
        'events.inventory.rejected',
        'dlq.inventory',
      ],
    ],
    [
      'payment',
      [
        'saga.reply.payment',
        'events.payment.captured',
        'events.payment.declined',
        'events.payment.refunded',
        'dlq.payment',
      ],
    ],
    ['notification', ['dlq.notification']],
    ['user', ['events.user.registered', 'dlq.user']],
    ['admin', ['>']],
  ])('%s publishes exactly its own', (name, subjects) => {
    expect(messagesOf(name)).toEqual(subjects);
  });

  it.each(processes)('%s hears its own answers, and nothing else directly', (name) => {
    expect(of(name).subscribe).toEqual([`_INBOX_${name}.>`]);
  });
});

describe('what only the operator may do', () => {
  it.each([
    'saga.cmd.payment.charge',
    'saga.cmd.order.refuse',
    '$JS.API.STREAM.CREATE.SAGA_COMMANDS',
    '$JS.API.STREAM.UPDATE.SAGA_REPLIES',
    '$JS.API.STREAM.CREATE.KV_cache-order',
    '$JS.API.CONSUMER.CREATE.SAGA_REPLIES',
  ])('%s', (subject) => {
    expect(whoMayPublish(subject)).toEqual(['operator']);
  });
});

describe('what no process may do', () => {
  it.each([
    '$JS.API.STREAM.DELETE.SAGA_COMMANDS',
    '$JS.API.STREAM.PURGE.DOMAIN_EVENTS',
    '$JS.API.STREAM.MSG.DELETE.SAGA_REPLIES',
    '$JS.API.STREAM.MSG.GET.SAGA_REPLIES',
    '$JS.API.DIRECT.GET.KV_cache-order.$KV.cache-order.x',
    '$JS.API.STREAM.CREATE.ANOTHER',
    '$JS.API.STREAM.UPDATE.KV_cache-order',
    '$JS.API.STREAM.SNAPSHOT.DOMAIN_EVENTS',
    '$JS.API.CONSUMER.DELETE.SAGA_COMMANDS.order-create',
    '$JS.API.CONSUMER.CREATE.SAGA_COMMANDS.order-create',
    '$JS.API.CONSUMER.DURABLE.CREATE.SAGA_COMMANDS.order-create',
    '_INBOX_operator.x',
  ])('%s', (subject) => {
    expect(whoMayPublish(subject)).toEqual([]);
  });
});

describe('two services', () => {
  const pairs = services.flatMap((one) =>
    services.filter((other) => other !== one).map((other) => [one, other] as const),
  );

  it.each(pairs)(
    '%s and %s share nothing but the question whether JetStream is there, and looking at a stream',
    (one, other) => {
      const shared = of(one).publish.filter((subject) =>
        of(other).publish.some((pattern) => allows(pattern, subject)),
      );
      expect(shared.filter((subject) => !/^\$JS\.API\.(INFO$|STREAM\.INFO\.)/.test(subject))).toEqual([]);
    },
  );
});

describe('a step service of somebody else', () => {
  it('gets its commands, its replies and its dead letters', () => {
    expect(accessOfStepService('shipping', ['ship', 'callBack'])).toEqual({
      name: 'shipping',
      publish: [
        '$JS.API.INFO',
        '$JS.API.STREAM.INFO.SAGA_COMMANDS',
        ...['ship', 'callBack'].flatMap((action) => [
          `$JS.API.CONSUMER.INFO.SAGA_COMMANDS.shipping-${action}`,
          `$JS.API.CONSUMER.CREATE.SAGA_COMMANDS.shipping-${action}.saga.cmd.shipping.${action}`,
          `$JS.API.CONSUMER.MSG.NEXT.SAGA_COMMANDS.shipping-${action}`,
          `$JS.ACK.SAGA_COMMANDS.shipping-${action}.>`,
        ]),
        'saga.reply.shipping',
        'dlq.shipping',
      ],
      subscribe: ['_INBOX_shipping.>'],
    });
  });

  it.each([
    ['operator', ['ship'], "one of SagaMesh's own"],
    ['payment', ['ship'], "one of SagaMesh's own"],
    ['a.b', ['ship'], 'not a service name'],
    ['*', ['ship'], 'not a service name'],
    ['shipping', ['>'], 'not an action name'],
    ['shipping', ['ship.*'], 'not an action name'],
  ])('%s with %s is refused', (name, actions, why) => {
    expect(() => accessOfStepService(name, actions)).toThrow(why);
  });
});

describe('the configuration of the server', () => {
  it('names each user with permissions, and takes the password from the environment', () => {
    const text = natsAuthorization([accessOfStepService('own-steps', [])], passwordFromEnvironment);
    expect(text).toBe(
      [
        'authorization {',
        '  users = [',
        '    {',
        '      user: "own-steps"',
        '      password: $OWN_STEPS_PASSWORD',
        '      permissions: {',
        '        publish: { allow: [',
        '          "$JS.API.INFO"',
        '        ] }',
        '        subscribe: { allow: [',
        '          "_INBOX_own-steps.>"',
        '        ] }',
        '      }',
        '    }',
        '  ]',
        '}',
        '',
      ].join('\n'),
    );
  });

  it('quotes literal passwords', () => {
    expect(natsAuthorization(brokerAccesses, () => quoted('a"b'))).toContain(String.raw`password: "a\"b"`);
  });

  it('refuses two services that would share a consumer', () => {
    const clients = [accessOfStepService('a-b', ['c']), accessOfStepService('a', ['b-c'])];
    expect(() => natsAuthorization(clients, quoted)).toThrow('a-b and a would both read');
  });
});
