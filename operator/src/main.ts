import { operatorClient } from '@sagamesh/contracts/broker-access';
import { cachingServices } from '@sagamesh/contracts/broker-roles';
import { natsOptions, openNatsBroker } from '@sagamesh/runtime/nats-broker';
import { createHealth } from '@sagamesh/runtime/health';
import { createHttpApp } from '@sagamesh/runtime/http-app';
import { startHttpServer } from '@sagamesh/runtime/http-server';
import { createLogger } from '@sagamesh/runtime/logger';
import { createMetrics } from '@sagamesh/runtime/metrics';
import { installShutdown } from '@sagamesh/runtime/shutdown';
import { readOperatorConfig } from './config.ts';
import { createController } from './controller/controller.ts';
import { SagaMemory } from './controller/saga-memory.ts';
import { createSagaMetrics } from './controller/saga-metrics.ts';
import { createKubeParts } from './kube-parts.ts';

/** The operator: wiring only. HTTP first, so that probes answer while the rest comes up; leading last. */

const config = readOperatorConfig();
const logger = createLogger({ name: 'operator', level: config.LOG_LEVEL });
const shutdown = installShutdown({ logger, timeoutMillis: config.SHUTDOWN_TIMEOUT_MILLIS });
const metrics = createMetrics('operator');
const memory = new SagaMemory();
const broker = openNatsBroker(natsOptions(config, operatorClient, logger));
// Nobody else may make streams, and services wait for them: so first of all.
if (config.NATS_MAKE_STREAMS) broker.keepStreams(cachingServices);
const kube = createKubeParts(config, metrics.registry, logger, (reason) => {
  // What we hold in memory may be outdated by now; whoever leads next starts from the facts.
  logger.fatal({ reason }, 'lost the Lease');
  process.exit(1);
});
const controller = createController(
  {
    client: kube.client,
    broker,
    elector: kube.elector,
    recorder: kube.recorder,
    kubeMetrics: kube.metrics,
    metrics: createSagaMetrics(metrics.registry, () => memory.size),
    memory,
    logger,
  },
  {
    namespaces: config.WATCH_NAMESPACES,
    intakeNamespace: config.INTAKE_NAMESPACE,
    concurrency: config.WORKERS,
  },
);

const health = createHealth({
  version: config.SERVICE_VERSION,
  checks: [
    { name: 'broker', gatesReadiness: true, check: (timeoutMillis) => broker.ping(timeoutMillis) },
    { name: 'kubernetes', gatesReadiness: true, check: () => kubernetesIsHeard() },
  ],
});
const app = createHttpApp({ logger, health, metrics });
const server = await startHttpServer({ app, host: config.HOST, port: config.PORT, health });
shutdown.add('unready', 'readiness', () => health.setDraining());
shutdown.add('stop', 'controller', () => controller.stop());
shutdown.add('finish', 'elector', () => kube.elector.stop());
shutdown.add('close', 'kubernetes client', () => kube.close());
shutdown.add('close', 'broker', () => broker.close());
shutdown.add('close', 'events', () => kube.recorder.stop(2_000));
shutdown.add('close', 'http', () => server.stop(2_000));
void broker.closed.then((error) => (error ? shutdown.begin(`broker: ${error.message}`, 1) : undefined));

await controller.start();
health.setStarted();
kube.elector.start();
logger.info({ identity: kube.identity, url: server.url }, 'ready to lead');
if (await kube.elector.waitUntilLeader()) await controller.lead();

/** The watch brings a bookmark about every minute; silence for longer means that we are blind. */
async function kubernetesIsHeard(): Promise<void> {
  const contact = controller.informer.lastContactMillis();
  if (!controller.informer.hasSynced() || contact === undefined) throw new Error('not synced yet');
  if (performance.now() - contact > 180_000)
    throw new Error('nothing heard from the API server for 3 minutes');
}
