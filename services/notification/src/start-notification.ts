import { startEventConsumers } from '@sagamesh/kit/event-consumer';
import { createHealth } from '@sagamesh/runtime/health';
import { createHttpApp } from '@sagamesh/runtime/http-app';
import { startHttpServer } from '@sagamesh/runtime/http-server';
import { createLogger } from '@sagamesh/runtime/logger';
import type { Metrics } from '@sagamesh/runtime/metrics';
import { createMetrics } from '@sagamesh/runtime/metrics';
import { natsOptions, openNatsBroker } from '@sagamesh/runtime/nats-broker';
import type { Shutdown, ShutdownProcess } from '@sagamesh/runtime/shutdown';
import { installShutdown } from '@sagamesh/runtime/shutdown';
import { Counter } from 'prom-client';
import type { NotificationConfig } from './config.ts';
import { notificationSubscriptions } from './notification-subscriptions.ts';
import type { NotifierOptions } from './notifier.ts';
import { createNotifier } from './notifier.ts';
import { createSmsChannel } from './sms-channel.ts';
import { createSmtpChannel } from './smtp-channel.ts';

const name = 'notification';
const concurrency = 8;

export interface RunningNotification {
  readonly url: string;
  stop(): Promise<void>;
}

/**
 * Without database and without cache, so it is wired from the runtime directly: health speaks of the broker alone, because nothing else
 * applies. `host` receives signals and ends, in tests, instead of this process.
 */
export async function startNotification(
  config: NotificationConfig,
  host?: ShutdownProcess,
): Promise<RunningNotification> {
  const logger = createLogger({ name, level: config.LOG_LEVEL });
  const shutdown = installShutdown({
    logger,
    timeoutMillis: config.SHUTDOWN_TIMEOUT_MILLIS,
    ...(host === undefined ? {} : { process: host }),
  });
  const metrics = createMetrics(name);
  const broker = openNatsBroker(natsOptions(config, name, logger));
  shutdown.add('close', 'broker', () => broker.close());
  void broker.closed.then((reason) => {
    if (reason === undefined) return;
    logger.fatal({ err: reason }, 'the connection to the broker is gone for good');
    void shutdown.begin('broker closed', 1);
  });
  const health = createHealth({
    version: config.SERVICE_VERSION,
    checks: [{ name: 'broker', check: (timeoutMillis) => broker.ping(timeoutMillis) }],
  });
  shutdown.add('close', 'health', () => health.close());
  shutdown.add('unready', 'readiness', () => health.setDraining());
  const app = createHttpApp({ logger, health, metrics });
  const server = await startHttpServer({ app, host: config.HOST, port: config.PORT, health });
  shutdown.add('stop', 'http', () => server.stop(config.SHUTDOWN_TIMEOUT_MILLIS / 2));
  logger.info({ url: server.url }, 'listening');

  const notify = createNotifier(openChannels(config, metrics, shutdown));
  const running = { url: server.url, stop: () => shutdown.begin('stopped') };
  try {
    const consumers = await startEventConsumers({
      service: name,
      broker,
      logger,
      storage: undefined,
      subscriptions: notificationSubscriptions(notify),
      concurrency,
    });
    shutdown.add('stop', 'consumers', async () => {
      await Promise.all(consumers.map((consumer) => consumer.stop()));
    });
  } catch (thrown) {
    // Told to end while it waited for the broker: that is no failure.
    if (!health.draining) throw thrown;
    return running;
  }
  health.setStarted();
  logger.info({ version: config.SERVICE_VERSION }, 'ready');
  return running;
}

function openChannels(config: NotificationConfig, metrics: Metrics, shutdown: Shutdown): NotifierOptions {
  const mail = createSmtpChannel({ url: config.SMTP_URL, from: config.MAIL_FROM });
  shutdown.add('close', 'mail', () => mail.close());
  const notifications = new Counter({
    name: 'notifications_total',
    help: 'Messages to customers, by channel, event type and outcome (sent, skipped, refused, failed).',
    labelNames: ['channel', 'event_type', 'outcome'],
    registers: [metrics.registry],
  });
  return {
    mail,
    sms: config.SMS_WEBHOOK_URL === undefined ? undefined : createSmsChannel(config.SMS_WEBHOOK_URL),
    count: (channel, eventType, outcome) => notifications.inc({ channel, event_type: eventType, outcome }),
  };
}
