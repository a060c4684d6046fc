import type { JetStreamManager } from 'nats';
import { cacheBucket } from '@sagamesh/contracts/subjects';
import type { Broker, Subscription } from './broker.ts';
import type { Cache } from './cache.ts';
import type { NatsConfig } from './config.ts';
import type { Logger } from './logger.ts';
import { openLink } from './nats/connection.ts';
import { PullSubscription, type ConsumeContext } from './nats/consume.ts';
import { createConsumerNames } from './nats/consumer-names.ts';
import { createStreamKeeper } from './nats/ensure-stream.ts';
import { keepStreams } from './nats/keep-streams.ts';
import { createKvCache } from './nats/kv-cache.ts';
import { createPublisher } from './nats/publish.ts';
import { TailSubscription } from './nats/tail.ts';
import { streamDefinitions } from './streams.ts';
import { withTimeout } from './timing.ts';

/** The broker port on NATS JetStream. This file and the folder `nats/` are the only places that know the client library. */

export interface NatsOptions {
  /** One URL or several, comma separated. */
  readonly url: string;
  /** Name of the connection, as `nats server report connections` shows it; also of its inbox prefix, `_INBOX_<name>`. */
  readonly name: string;
  /** Copies of each stream that has to be made. */
  readonly replicas?: number;
  /** Default true. false: streams and buckets are waited for, not made. */
  readonly makesStreams?: boolean;
  readonly credsFile?: string | undefined;
  readonly user?: string | undefined;
  readonly password?: string | undefined;
  readonly logger: Logger;
}

export interface NatsBroker extends Broker {
  /** A cache on the bucket `cache-<service>`. */
  cache(service: string): Cache;
  /** Resolves when there was a connection and every stream exists. */
  ready(): Promise<void>;
  /** From now on makes every stream, and the cache buckets of these services, within a second or two of their loss. Ends at `close`. */
  keepStreams(caching: readonly string[]): void;
  /** Largest message the server takes, headers included; undefined before the first connection. */
  maxPayloadBytes(): number | undefined;
  /** Resolves when the connection is gone for good: with the reason, or undefined after `close`. A process should end on a reason. */
  readonly closed: Promise<Error | undefined>;
}

/** One request to the JetStream API. Shorter than the client's 5 s: a request that a dying server swallowed is simply asked again. */
const apiTimeoutMillis = 2_000;

export function natsOptions(config: NatsConfig, name: string, logger: Logger): NatsOptions {
  return {
    url: config.NATS_URL,
    name,
    replicas: config.NATS_REPLICAS,
    makesStreams: config.NATS_MAKE_STREAMS,
    credsFile: config.NATS_CREDS_FILE,
    user: config.NATS_USER,
    password: config.NATS_PASSWORD,
    logger,
  };
}

/**
 * Returns at once and connects in the background, for ever. Until there is a server, `publish` fails after its time-out, `ping` after its
 * own, and `consume` and `tail` wait.
 */
export function openNatsBroker(options: NatsOptions): NatsBroker {
  const { logger } = options;
  const link = openLink(options);
  let managing: Promise<JetStreamManager> | undefined;
  const manager = async (): Promise<JetStreamManager> => {
    managing ??= link
      .connected()
      .then((connection) => connection.jetstreamManager({ checkAPI: false, timeout: apiTimeoutMillis }));
    return managing;
  };
  const replicas = options.replicas ?? 1;
  const makes = options.makesStreams ?? true;
  const streams = createStreamKeeper(manager, { replicas, makes, logger });
  const context: ConsumeContext = { link, streams, manager, logger };
  const subscriptions = new Set<Subscription>();

  async function started<S extends PullSubscription | TailSubscription>(subscription: S): Promise<S> {
    subscriptions.add(subscription);
    await subscription.attach();
    return subscription;
  }

  return {
    publish: createPublisher(link, streams),
    consumerNames: createConsumerNames(manager),
    closed: link.closed,
    async consume(spec, handler) {
      return started(new PullSubscription(context, await link.connected(), spec, handler));
    },
    async tail(stream, filterSubject, handler) {
      const source = { stream, filterSubject };
      return started(new TailSubscription(context, await link.connected(), source, handler));
    },
    async ping(timeoutMillis) {
      if (!link.isUp()) throw new Error('There is no connection to NATS');
      const connection = await link.connected();
      // Asks JetStream, not only the server: one that has not opened its store yet answers pings.
      const answer = connection.request('$JS.API.INFO', undefined, { timeout: timeoutMillis });
      await withTimeout(answer, timeoutMillis, `JetStream did not answer in ${timeoutMillis} ms`);
    },
    cache: (service) =>
      createKvCache({
        bucket: cacheBucket(service),
        replicas,
        makes,
        connected: () => link.connected(),
        isUp: () => link.isUp(),
        logger,
      }),
    async ready() {
      await Promise.all(streamDefinitions.map((definition) => streams.ensure(definition.name)));
    },
    keepStreams(caching) {
      const buckets = caching.map(cacheBucket);
      subscriptions.add(keepStreams(context, { buckets, replicas }));
    },
    maxPayloadBytes: () => link.maxPayloadBytes(),
    async close() {
      await Promise.all([...subscriptions].map((subscription) => subscription.stop()));
      await link.close();
    },
  };
}
