import type { RequestHandler, Router } from 'express';
import type { Broker, Subscription } from '@sagamesh/runtime/broker';
import type { Cache } from '@sagamesh/runtime/cache';
import { ensureError, RetryableError, TerminalError } from '@sagamesh/runtime/errors';
import { createHealth, type Health, type HealthCheck } from '@sagamesh/runtime/health';
import { createHttpApp } from '@sagamesh/runtime/http-app';
import { startHttpServer } from '@sagamesh/runtime/http-server';
import { createLogger, type Logger } from '@sagamesh/runtime/logger';
import { createMetrics, type Metrics } from '@sagamesh/runtime/metrics';
import { natsOptions, openNatsBroker, type NatsBroker } from '@sagamesh/runtime/nats-broker';
import { HttpProblem } from '@sagamesh/runtime/problem';
import { openCache } from '@sagamesh/runtime/open-cache';
import { installShutdown, type Shutdown, type ShutdownProcess } from '@sagamesh/runtime/shutdown';
import { pause } from '@sagamesh/runtime/timing';
import { startCommandServer } from './command-server.ts';
import type { Db } from './db.ts';
import { startEventConsumers } from './event-consumer.ts';
import { createFence } from './fence.ts';
import { purgeIdempotencyKeys } from './idempotency-key.ts';
import type { EventSubscription } from './inbox.ts';
import { kitMigrations } from './kit-migrations.ts';
import { migrate, type Migration } from './migrations.ts';
import { engineOf, openDatabase } from './open-database.ts';
import { startOutboxRelay } from './outbox-relay.ts';
import { createOutbox, type Outbox } from './outbox.ts';
import type { ServiceConfig } from './service-config.ts';
import type { StepHandler } from './step.ts';

/** A service process: what is the same in all of them, wired once; what differs is the definition. */

export interface ServiceDeps {
  /** Throws when touched by a service without migrations, as `outbox` does. */
  readonly db: Db;
  readonly outbox: Outbox;
  readonly broker: Broker;
  readonly cache: Cache;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

export interface Background {
  stop(): Promise<void>;
}

export interface ServiceDefinition {
  readonly name: string;
  readonly config: ServiceConfig;
  /** Absent: a stateless service, without a database and without its health check. */
  readonly migrations?: readonly Migration[];
  /** On every start, after the migrations and before anything is served: puts data into an empty database. */
  readonly seed?: (deps: ServiceDeps) => Promise<void>;
  readonly steps?: (deps: ServiceDeps) => readonly StepHandler[];
  readonly events?: (deps: ServiceDeps) => readonly EventSubscription[];
  readonly routes?: (router: Router, deps: ServiceDeps) => void;
  /** Timers and the like; stopped before the database closes. */
  readonly background?: (deps: ServiceDeps) => readonly Background[];
  /** Handlers that run at once per subject; default 8 on PostgreSQL, 4 elsewhere. */
  readonly concurrency?: number;
  /** Tests: what receives signals and ends, instead of this process. */
  readonly host?: ShutdownProcess;
}

export interface RunningService {
  readonly port: number;
  readonly url: string;
  readonly deps: ServiceDeps;
  /** The orderly end, as on SIGTERM. */
  stop(): Promise<void>;
}

/** Everything that exists before the service itself does. */
interface Ground {
  readonly definition: ServiceDefinition;
  readonly logger: Logger;
  readonly shutdown: Shutdown;
  readonly metrics: Metrics;
  readonly broker: NatsBroker;
  readonly cache: Cache;
  readonly db: Db | undefined;
  readonly health: Health;
}

const purgeEveryMillis = 3_600_000;

/** What a stateless service has instead: to touch it is a mistake of its author. */
function withoutStorage(service: string): { readonly db: Db; readonly outbox: Outbox } {
  const refuse = (): never => {
    throw new TerminalError(`${service} has no migrations, so it has neither database nor outbox`);
  };
  return {
    db: {
      query: refuse,
      exec: refuse,
      afterCommit: refuse,
      tx: refuse,
      tryLock: refuse,
      ping: refuse,
      close: refuse,
    },
    outbox: { add: refuse, resend: refuse, onWritten: refuse },
  };
}

async function openStorage(definition: ServiceDefinition): Promise<Db | undefined> {
  const { migrations, config } = definition;
  if (migrations === undefined) return undefined;
  if (config.DATABASE_URL === undefined) throw new TerminalError('DATABASE_URL is not set');
  return openDatabase(config.DATABASE_URL);
}

function healthChecks(db: Db | undefined, cache: Cache, broker: Broker): readonly HealthCheck[] {
  const database: readonly HealthCheck[] =
    db === undefined
      ? []
      : [{ name: 'database', gatesReadiness: true, check: (timeoutMillis) => db.ping(timeoutMillis) }];
  return [
    ...database,
    { name: 'cache', check: (timeoutMillis) => cache.ping(timeoutMillis) },
    { name: 'broker', check: (timeoutMillis) => broker.ping(timeoutMillis) },
  ];
}

async function layGround(definition: ServiceDefinition): Promise<Ground> {
  const { name, config } = definition;
  const logger = createLogger({ name, level: config.LOG_LEVEL });
  const shutdown = installShutdown({
    logger,
    timeoutMillis: config.SHUTDOWN_TIMEOUT_MILLIS,
    ...(definition.host === undefined ? {} : { process: definition.host }),
  });
  const metrics = createMetrics(name);
  const db = await openStorage(definition);
  if (db !== undefined) shutdown.add('close', 'database', () => db.close());
  const broker = openNatsBroker(natsOptions(config, name, logger));
  shutdown.add('close', 'broker', () => broker.close());
  void broker.closed.then((reason) => {
    if (reason === undefined) return;
    logger.fatal({ err: reason }, 'the connection to the broker is gone for good');
    void shutdown.begin('broker closed', 1);
  });
  const cache = openCache({ service: name, cacheUrl: config.CACHE_URL, broker, logger });
  shutdown.add('close', 'cache', () => cache.close());
  const health = createHealth({ version: config.SERVICE_VERSION, checks: healthChecks(db, cache, broker) });
  shutdown.add('close', 'health', () => health.close());
  shutdown.add('unready', 'readiness', () => health.setDraining());
  return { definition, logger, shutdown, metrics, broker, cache, db, health };
}

/** A database that is not up yet (everything starts together) is waited for; a migration that cannot work is not. */
async function prepareDatabase(ground: Ground, deps: ServiceDeps, ended: AbortSignal): Promise<void> {
  const { db, definition, logger } = ground;
  if (db === undefined) return;
  for (let attempt = 0; !ended.aborted; attempt += 1) {
    try {
      const applied = await migrate(db, [...kitMigrations, ...(definition.migrations ?? [])]);
      if (applied.length > 0) logger.info({ applied }, 'database migrated');
      await definition.seed?.(deps);
      return;
    } catch (thrown) {
      const error = ensureError(thrown);
      if (!(error instanceof RetryableError)) throw error;
      logger.warn({ err: error }, 'the database is not ready yet');
      await pause(Math.min(5_000, 250 * 2 ** attempt), ended);
    }
  }
}

/** Commands and events; resolves when all consumers exist at the server. */
async function startConsumers(ground: Ground, deps: ServiceDeps): Promise<void> {
  const { definition, logger, metrics, broker, db } = ground;
  const engine = engineOf(definition.config.DATABASE_URL ?? '');
  const concurrency = definition.concurrency ?? (engine === 'postgres' ? 8 : 4);
  const service = definition.name;
  const steps = definition.steps?.(deps) ?? [];
  const subscriptions = definition.events?.(deps) ?? [];
  const storage = db === undefined ? undefined : { db, outbox: deps.outbox };
  const starting: Promise<readonly Subscription[]>[] = [
    startEventConsumers({ service, broker, logger, storage, subscriptions, concurrency }),
  ];
  if (steps.length > 0) {
    const fence = createFence({
      service,
      db: deps.db,
      outbox: deps.outbox,
      onError: (error, { sagaUid, step, action, direction }) =>
        logger.warn({ err: error, sagaUid, step, action, direction }, 'command failed'),
    });
    starting.push(startCommandServer({ service, broker, fence, steps, logger, metrics, concurrency }));
  }
  const subscribed = (await Promise.all(starting)).flat();
  ground.shutdown.add('stop', 'consumers', async () => {
    await Promise.all(subscribed.map((subscription) => subscription.stop()));
  });
}

/** After the consumers and the HTTP server have ended, so that what they wrote still goes out. */
function startBackground(ground: Ground, deps: ServiceDeps, ended: AbortSignal): void {
  const { db, broker, logger, metrics, shutdown } = ground;
  for (const one of ground.definition.background?.(deps) ?? [])
    shutdown.add('stop', 'background', () => one.stop());
  if (db === undefined) return;
  const relay = startOutboxRelay({
    service: ground.definition.name,
    db,
    broker,
    outbox: deps.outbox,
    logger,
    metrics,
  });
  shutdown.add('finish', 'outbox relay', () => relay.stop());
  const purging = (async () => {
    while (!ended.aborted) {
      await purgeIdempotencyKeys(db).catch(() => undefined);
      await pause(purgeEveryMillis, ended);
    }
  })();
  shutdown.add('finish', 'purge', () => purging);
}

/** Routes are there before their tables are: until then a request is told to come back, not that something broke. */
function onceOpen(isOpen: () => boolean): RequestHandler {
  return (_request, _response, next) => {
    if (!isOpen()) {
      const detail = 'The service is starting. Try again in a moment.';
      throw new HttpProblem({ status: 503, detail, headers: { 'retry-after': '1' } });
    }
    next();
  };
}

/** Resolves when it is ready. Throws when it can never be; then everything that was opened is closed again. */
export async function runService(definition: ServiceDefinition): Promise<RunningService> {
  const ground = await layGround(definition);
  const { logger, shutdown, health, metrics, broker, cache } = ground;
  const { name, config } = definition;
  const ended = new AbortController();
  shutdown.add('unready', 'start', () => ended.abort());
  const storage = ground.db === undefined ? withoutStorage(name) : { db: ground.db, outbox: createOutbox() };
  const deps: ServiceDeps = { ...storage, broker, cache, logger, metrics };
  let prepared = false;
  try {
    // HTTP first: while database and broker are waited for, probes and people can see why it is not ready.
    const app = createHttpApp({
      logger,
      health,
      metrics,
      routes: (router) => {
        router.use(
          '/api',
          onceOpen(() => prepared),
        );
        definition.routes?.(router, deps);
      },
    });
    const server = await startHttpServer({ app, host: config.HOST, port: config.PORT, health });
    shutdown.add('stop', 'http', () => server.stop(config.SHUTDOWN_TIMEOUT_MILLIS / 2));
    logger.info({ url: server.url }, 'listening');
    await prepareDatabase(ground, deps, ended.signal);
    prepared = !ended.signal.aborted;
    if (!ended.signal.aborted) {
      startBackground(ground, deps, ended.signal);
      await startConsumers(ground, deps);
      health.setStarted();
      logger.info({ version: config.SERVICE_VERSION }, 'ready');
    }
    return { port: server.port, url: server.url, deps, stop: () => shutdown.begin('stopped') };
  } catch (thrown) {
    // Told to end while it waited for the broker: that is no failure.
    if (!ended.signal.aborted) logger.fatal({ err: ensureError(thrown) }, 'the service cannot start');
    await shutdown.begin('failed to start', 1);
    throw thrown;
  }
}
