import { operatorIdentity } from '@sagamesh/contracts/operator-identity';
import { createController } from '@sagamesh/operator/controller/controller';
import type { SagaMetrics } from '@sagamesh/operator/controller/ports';
import { SagaMemory } from '@sagamesh/operator/controller/saga-memory';
import type { Elector } from '@sagamesh/operator/kube/elector';
import type { KubeMetrics } from '@sagamesh/operator/kube/metrics';
import { wireKubeParts } from '@sagamesh/operator/wire-kube-parts';
import type { Broker } from '@sagamesh/runtime/broker';
import { createLogger } from '@sagamesh/runtime/logger';
import type { SimApi } from '../fakes/api.ts';
import type { Program, SimProcess } from '../kernel/host.ts';
import type { Sim } from '../kernel/sim.ts';

/** The real operator as a program of the simulation: what operator/src/main.ts wires, without HTTP. */

export interface OperatorProgramOptions {
  readonly api: SimApi;
  readonly connectBroker: (process: SimProcess) => Broker;
  /** The Lease lies: this operator believes that it leads, from its start to its end. */
  readonly alwaysLeads?: boolean;
}

/** The defaults of operator/src/config.ts. */
const limiter = { qps: 50, burst: 100 };
const concurrency = 32;

const logger = createLogger({ name: 'operator', level: 'silent' });

export function operatorProgram(options: OperatorProgramOptions): Program {
  return async (process) => {
    const { clock, sim } = process;
    const random = (): number => process.random.next();
    const broker = options.connectBroker(process);
    const memory = new SagaMemory();
    const kube = wireKubeParts({
      transport: options.api.connect(process),
      metrics: countingKubeMetrics(sim),
      logger,
      onLost: () => {
        sim.count('operator lost the Lease');
        process.exit();
      },
      namespace: operatorIdentity.namespace,
      limiter,
      identity: `${process.name}_${process.random.uuid()}`,
      clock,
      random,
    });
    const elector = options.alwaysLeads === true ? lyingElector() : kube.elector;
    const controller = createController(
      {
        client: kube.client,
        broker,
        elector,
        recorder: kube.recorder,
        kubeMetrics: kube.metrics,
        metrics: countingSagaMetrics(sim),
        memory,
        logger,
        clock,
        random,
        newId: () => process.random.uuid(),
      },
      { namespaces: [], intakeNamespace: operatorIdentity.intakeNamespace, concurrency },
    );
    await controller.start();
    elector.start();
    if (await elector.waitUntilLeader()) await controller.lead();
  };
}

function lyingElector(): Elector {
  const never = new AbortController();
  return {
    start: () => undefined,
    isLeader: () => true,
    waitUntilLeader: () => Promise.resolve(true),
    signal: never.signal,
    stillLeading: () => true,
    leaseTransitions: () => 0,
    stop: () => Promise.resolve(),
  };
}

/** No registry per process: making one costs milliseconds. What is worth knowing of coverage is counted. */
function countingKubeMetrics(sim: Sim): KubeMetrics {
  const nothing = (): void => undefined;
  return {
    client: { requestDone: nothing },
    informer: {
      listed: () => sim.count('operator lists'),
      watchStarted: nothing,
      failed: ({ stage }) => sim.count(`operator informer failed: ${stage}`),
    },
    queue: { added: nothing, retried: nothing, taken: nothing, done: nothing },
    workers: {
      started: nothing,
      finished: nothing,
      failed: ({ treatment }) => sim.count(`operator reconcile failed: ${treatment}`),
    },
    elector: {
      leadershipChanged: (isLeader) => sim.count(isLeader ? 'operator leads' : 'operator stops leading'),
      attemptFailed: () => sim.count('operator failed to renew'),
    },
    recorder: { sent: nothing, dropped: (reason) => sim.count(`operator dropped an Event: ${reason}`) },
    watchQueue: nothing,
  };
}

function countingSagaMetrics(sim: Sim): SagaMetrics {
  return {
    statusWritten: (cause) => sim.count(`status written: ${cause}`),
    commandSent: (direction) => sim.count(`command sent: ${direction}`),
    sagaEnded: (outcome) => sim.count(`saga ended: ${outcome}`),
    replyReceived: (kind) => sim.count(`reply received: ${kind}`),
  };
}
