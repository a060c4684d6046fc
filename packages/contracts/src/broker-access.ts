import {
  actionsOf,
  bundledServiceNames,
  cachingServices,
  eventsReadBy,
  eventsWrittenBy,
  intakeEventType,
} from './broker-roles.ts';
import {
  cacheBucket,
  cacheStream,
  commandConsumerName,
  commandSubject,
  deadLetterSubject,
  eventConsumerName,
  eventSubject,
  inboxPrefixOf,
  intakeConsumerName,
  replySubject,
  streamNames,
} from './subjects.ts';

/**
 * Who may publish and subscribe to what: exact subjects, derived from the contracts. What is not listed is refused by the server.
 * `nats-authorization.ts` writes it as a server's configuration.
 *
 * Only the operator makes streams and buckets. Whoever may make or change one can have the server speak for him (`republish`), and whoever may
 * read his own messages by direct get can have them sent to any subject as the answer: either would let a service forge commands.
 */

export interface BrokerAccess {
  /** Also the user's name at the server, and the name of the connection. */
  readonly name: string;
  readonly publish: readonly string[];
  readonly subscribe: readonly string[];
}

export const operatorClient = 'operator';
/** For people: reads dead letters, repairs, deletes streams. No process of ours uses it. */
export const adminClient = 'admin';

const api = (call: string) => `$JS.API.${call}`;

interface Reader {
  readonly stream: string;
  readonly consumer: string;
  readonly subject: string;
}

/** Looks the consumer up, makes it when it is missing (the subject pins its name and its filter), asks for messages, acknowledges them. */
function reading({ stream, consumer, subject }: Reader): readonly string[] {
  return [
    api(`CONSUMER.INFO.${stream}.${consumer}`),
    api(`CONSUMER.CREATE.${stream}.${consumer}.${subject}`),
    api(`CONSUMER.MSG.NEXT.${stream}.${consumer}`),
    `$JS.ACK.${stream}.${consumer}.>`,
  ];
}

function commandReader(service: string, action: string): Reader {
  return {
    stream: streamNames.commands,
    consumer: commandConsumerName(service, action),
    subject: commandSubject(service, action),
  };
}

function eventReader(service: string, eventType: string): Reader {
  return {
    stream: streamNames.events,
    consumer: eventConsumerName(service, eventType),
    subject: eventSubject(eventType),
  };
}

/** Entries are read through `STREAM.MSG.GET`, whose answer wraps them: see above. */
function caching(service: string): readonly string[] {
  return [`$KV.${cacheBucket(service)}.>`, api(`STREAM.MSG.GET.${cacheStream(service)}`)];
}

function access(name: string, publish: readonly string[]): BrokerAccess {
  // JetStream's own state is what a health check asks for.
  return { name, publish: [api('INFO'), ...publish], subscribe: [`${inboxPrefixOf(name)}.>`] };
}

interface ServiceRole {
  readonly actions: readonly string[];
  readonly reads: readonly string[];
  readonly writes: readonly string[];
  readonly hasCache: boolean;
}

function accessOfService(name: string, { actions, reads, writes, hasCache }: ServiceRole): BrokerAccess {
  const readers = [
    ...actions.map((action) => commandReader(name, action)),
    ...reads.map((eventType) => eventReader(name, eventType)),
  ];
  const streams = new Set(readers.map(({ stream }) => stream));
  // Bad messages come in, and an outbox may hold an event that can never be published.
  const canBury = readers.length > 0 || writes.length > 0;
  return access(name, [
    ...[...streams].map((stream) => api(`STREAM.INFO.${stream}`)),
    ...readers.flatMap(reading),
    ...(actions.length > 0 ? [replySubject(name)] : []),
    ...writes.map((eventType) => eventSubject(eventType)),
    ...(canBury ? [deadLetterSubject(name)] : []),
    ...(hasCache ? caching(name) : []),
  ]);
}

/** It sends the commands, reads all replies and the new orders, and keeps streams and buckets in existence. */
function accessOfOperator(): BrokerAccess {
  const intake = {
    stream: streamNames.events,
    consumer: intakeConsumerName,
    subject: eventSubject(intakeEventType),
  };
  const streams = Object.values(streamNames);
  return access(operatorClient, [
    'saga.cmd.>',
    deadLetterSubject(operatorClient),
    ...reading(intake),
    // All replies, through an unnamed consumer of its own that acknowledges nothing.
    api(`CONSUMER.CREATE.${streamNames.replies}`),
    `$JS.FC.${streamNames.replies}.>`,
    // Which services are there.
    api(`CONSUMER.LIST.${streamNames.commands}`),
    api('STREAM.NAMES'),
    ...['INFO', 'CREATE', 'UPDATE'].flatMap((call) =>
      streams.map((stream) => api(`STREAM.${call}.${stream}`)),
    ),
    ...['INFO', 'CREATE'].flatMap((call) =>
      cachingServices.map((service) => api(`STREAM.${call}.${cacheStream(service)}`)),
    ),
  ]);
}

function accessOfBundledService(name: (typeof bundledServiceNames)[number]): BrokerAccess {
  return accessOfService(name, {
    actions: actionsOf(name),
    reads: eventsReadBy[name],
    writes: eventsWrittenBy(name),
    hasCache: cachingServices.includes(name),
  });
}

/** Every client of an installation as it comes. */
export const brokerAccesses: readonly BrokerAccess[] = [
  accessOfOperator(),
  ...bundledServiceNames.map(accessOfBundledService),
  { name: adminClient, publish: ['>'], subscribe: ['>'] },
];

const nameSyntax = /^[a-z][a-z0-9-]*$/;
const actionSyntax = /^[a-z][a-zA-Z0-9-]*$/;

export interface StepServiceOptions {
  /** Event types that it reads. */
  readonly reads?: readonly string[];
  /** Its bucket `cache-<name>` is made by a person: the operator keeps those of the bundled services. */
  readonly hasCache?: boolean;
}

/** A service that somebody adds for steps of their own plans: its commands, its replies, its dead letters. */
export function accessOfStepService(
  name: string,
  actions: readonly string[],
  { reads = [], hasCache = false }: StepServiceOptions = {},
): BrokerAccess {
  if (!nameSyntax.test(name)) throw new Error(`${name} is not a service name`);
  if (brokerAccesses.some((known) => known.name === name))
    throw new Error(`${name} is one of SagaMesh's own`);
  const wrong = actions.find((action) => !actionSyntax.test(action));
  if (wrong !== undefined) throw new Error(`${wrong} is not an action name`);
  return accessOfService(name, { actions, reads, writes: [], hasCache });
}
