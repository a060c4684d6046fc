import { startCommandServer } from '@sagamesh/kit/command-server';
import type { Db } from '@sagamesh/kit/db';
import { startEventConsumers } from '@sagamesh/kit/event-consumer';
import { createFence } from '@sagamesh/kit/fence';
import type { EventSubscription } from '@sagamesh/kit/inbox';
import { createOutbox, type Outbox } from '@sagamesh/kit/outbox';
import { startOutboxRelay } from '@sagamesh/kit/outbox-relay';
import type { StepHandler } from '@sagamesh/kit/step';
import type { Broker } from '@sagamesh/runtime/broker';
import type { Cache } from '@sagamesh/runtime/cache';
import { ensureError, RetryableError } from '@sagamesh/runtime/errors';
import { createLogger } from '@sagamesh/runtime/logger';
import { seedCatalogue } from '@sagamesh/service-inventory/catalogue';
import { demandSubscription } from '@sagamesh/service-inventory/demand-events';
import { inventorySteps } from '@sagamesh/service-inventory/inventory-steps';
import { createStockCache } from '@sagamesh/service-inventory/stock-cache';
import { seedStock } from '@sagamesh/service-inventory/stock-store';
import type { MailChannel, SmsChannel } from '@sagamesh/service-notification/channels';
import { notificationSubscriptions } from '@sagamesh/service-notification/notification-subscriptions';
import { createNotifier } from '@sagamesh/service-notification/notifier';
import { startAnnouncer } from '@sagamesh/service-order/announcer';
import { orderSteps } from '@sagamesh/service-order/order-steps';
import { seedPriceList } from '@sagamesh/service-order/order-store';
import { takeOrder } from '@sagamesh/service-order/take-order';
import { createChargeStep } from '@sagamesh/service-payment/charge-step';
import type { PaymentGateway } from '@sagamesh/service-payment/payment-gateway';
import type { Program, SimProcess } from '../kernel/host.ts';
import type { Sim } from '../kernel/sim.ts';
import type { FrontDoor } from './front-door.ts';

/**
 * The real services as programs of the simulation: what `runService` and each service's main.ts wire, without HTTP server, probes and
 * metrics. The databases are migrated before the first process starts.
 */

export interface Connections {
  readonly connectBroker: (process: SimProcess) => Broker;
  readonly connectDb: (process: SimProcess) => Db;
}

/** Rarer than in production, where polling is cheap: the commit's nudge makes it fast, the poll only makes it sure. */
const relayPollMillis = 5_000;
const announcing = { everyMillis: 5_000, afterMillis: 10_000, maxMillis: 40_000 } as const;
/** Handlers at once per subject, as on PostgreSQL (kit/src/service.ts) and as each main.ts says. */
const concurrency = { usual: 8, payment: 32 } as const;

const logger = createLogger({ name: 'services', level: 'silent' });

/** Every read is a miss, which the port allows at any time. Nobody reads stock over HTTP here. */
const emptyCache: Cache = {
  get: () => Promise.resolve(undefined),
  set: () => Promise.resolve(),
  delete: () => Promise.resolve(),
  ping: () => Promise.resolve(),
  close: () => Promise.resolve(),
};

type StockLine = (typeof seedCatalogue)[number];

interface Parts {
  readonly service: string;
  readonly process: SimProcess;
  readonly broker: Broker;
  readonly db: Db;
  readonly outbox: Outbox;
  readonly steps: readonly StepHandler[];
  readonly subscriptions?: readonly EventSubscription[];
  readonly concurrency?: number;
}

export function orderProgram(connections: Connections & { readonly frontDoor: FrontDoor }): Program {
  return async (process) => {
    const ground = layGround(process, connections);
    const { db, outbox } = ground;
    await prepared(process, () => seedPriceList(db));
    const options = {
      db,
      outbox,
      announceAfterMillis: announcing.afterMillis,
      newId: () => process.random.uuid(),
    };
    connections.frontDoor.listen(process, ({ customerId, ...request }) =>
      takeOrder(request, customerId, options),
    );
    startAnnouncer({
      db,
      outbox,
      pace: announcing,
      everyMillis: announcing.everyMillis,
      onError: (error) => countError(process.sim, error),
      clock: process.clock,
    });
    await startParts({ service: 'order', ...ground, steps: orderSteps });
  };
}

/** `catalogue`: the stock of an empty database. */
export function inventoryProgram(
  connections: Connections & { readonly catalogue?: readonly StockLine[] },
): Program {
  return async (process) => {
    const ground = layGround(process, connections);
    await prepared(process, () => seedStock(ground.db, connections.catalogue ?? seedCatalogue));
    const cache = createStockCache({ cache: emptyCache, ttlMillis: 2_000 });
    await startParts({
      service: 'inventory',
      ...ground,
      steps: inventorySteps(cache.forgetAfterCommit),
      subscriptions: [demandSubscription(cache)],
    });
  };
}

export function paymentProgram(
  connections: Connections & { readonly connectProvider: (process: SimProcess) => PaymentGateway },
): Program {
  return async (process) => {
    await startParts({
      service: 'payment',
      ...layGround(process, connections),
      steps: [createChargeStep(connections.connectProvider(process))],
      concurrency: concurrency.payment,
    });
  };
}

export function notificationProgram(connections: {
  readonly connectBroker: Connections['connectBroker'];
  readonly connectChannels: (process: SimProcess) => { readonly mail: MailChannel; readonly sms: SmsChannel };
}): Program {
  return async (process) => {
    const { sim } = process;
    const notify = createNotifier({
      ...connections.connectChannels(process),
      count: (channel, eventType, outcome) => sim.count(`notified ${channel} ${eventType} ${outcome}`),
    });
    await startEventConsumers({
      service: 'notification',
      broker: connections.connectBroker(process),
      logger,
      storage: undefined,
      subscriptions: notificationSubscriptions(notify).map((one) => countingErrors(sim, one)),
      concurrency: concurrency.usual,
    });
  };
}

function layGround(process: SimProcess, { connectBroker, connectDb }: Connections) {
  return {
    process,
    broker: connectBroker(process),
    db: connectDb(process),
    outbox: createOutbox({
      newId: () => process.random.uuid(),
      now: () => new Date(process.clock.wallMillis()),
    }),
  };
}

/** A database that is away for now is waited for, as at the start of a real service. */
async function prepared(process: SimProcess, prepare: () => Promise<unknown>): Promise<void> {
  for (let attempt = 0; ; attempt += 1) {
    try {
      await prepare();
      return;
    } catch (thrown) {
      if (!(thrown instanceof RetryableError)) throw thrown;
    }
    const pauseMillis = Math.min(5_000, 250 * 2 ** attempt);
    await new Promise<void>((resolve) => {
      process.clock.schedule(pauseMillis, resolve);
    });
  }
}

/** In the order of `runService`: the relay first, so that what handlers write goes out at once. */
async function startParts(parts: Parts): Promise<void> {
  const { service, process, broker, db, outbox, steps, subscriptions = [] } = parts;
  const { sim } = process;
  const atOnce = parts.concurrency ?? concurrency.usual;
  startOutboxRelay({
    service,
    db,
    broker,
    outbox,
    logger,
    pollMillis: relayPollMillis,
    clock: process.clock,
  });
  const fence = createFence({ service, db, outbox, onError: (error) => countError(sim, error) });
  await Promise.all([
    startEventConsumers({
      service,
      broker,
      logger,
      storage: { db, outbox },
      subscriptions: subscriptions.map((one) => countingErrors(sim, one)),
      concurrency: atOnce,
    }),
    startCommandServer({ service, broker, fence, steps, logger, concurrency: atOnce }),
  ]);
}

function countingErrors(sim: Sim, subscription: EventSubscription): EventSubscription {
  return {
    ...subscription,
    receive: async (message, storage) => {
      try {
        return await subscription.receive(message, storage);
      } catch (error) {
        countError(sim, error);
        throw error;
      }
    },
  };
}

/** Trouble is RetryableError or TerminalError; any other class is worth a look. */
function countError(sim: Sim, thrown: unknown): void {
  sim.count(`handler error: ${ensureError(thrown).name}`);
}
