import { operatorIdentity } from '@sagamesh/contracts/operator-identity';
import type { Logger } from '@sagamesh/runtime/logger';
import { createKubeClient } from './kube/client.ts';
import type { KubeClient } from './kube/client.ts';
import { systemClock } from './kube/clock.ts';
import type { Clock, Random } from './kube/clock.ts';
import { createElector } from './kube/elector.ts';
import type { Elector } from './kube/elector.ts';
import { createEventRecorder } from './kube/event-recorder.ts';
import type { EventRecorder } from './kube/event-recorder.ts';
import type { KubeMetrics } from './kube/metrics.ts';
import type { Transport } from './kube/transport.ts';

/** The pieces of the controller kernel on one transport: which of them shares a limit and a lane with which. */

export interface KubeParts {
  readonly client: KubeClient;
  readonly elector: Elector;
  readonly recorder: EventRecorder;
  readonly metrics: KubeMetrics;
  /** Who we are in the Lease and in Events; new with every start. */
  readonly identity: string;
  close(): Promise<void>;
}

export interface KubeWiring {
  readonly transport: Transport;
  readonly metrics: KubeMetrics;
  readonly logger: Logger;
  /** Once, when leadership was held and is gone: the process must end. */
  readonly onLost: (reason: string) => void;
  /** Where the Lease lives. */
  readonly namespace: string;
  /** Requests per second and at once; for the client and for the recorder each. */
  readonly limiter: { readonly qps: number; readonly burst: number };
  readonly identity: string;
  /** Default: the system's. */
  readonly clock?: Clock;
  readonly random?: Random;
}

export function wireKubeParts(wiring: KubeWiring): KubeParts {
  const { transport, metrics, logger, onLost, namespace, limiter, identity } = wiring;
  const { clock = systemClock, random = Math.random } = wiring;
  const observer = metrics.client;
  return {
    client: createKubeClient(transport, { limiter, observer, clock, random }),
    elector: createElector({
      client: createKubeClient(transport, { lane: 'reserved', limiter: 'off', observer, clock, random }),
      namespace,
      name: operatorIdentity.lease,
      identity,
      onLost,
      clock,
      random,
      observer: {
        leadershipChanged: (isLeader) => {
          metrics.elector.leadershipChanged(isLeader);
          logger.info({ identity, isLeader }, isLeader ? 'leading' : 'not leading');
        },
        attemptFailed: (error) => {
          metrics.elector.attemptFailed(error);
          logger.warn({ err: error }, 'cannot renew or take the Lease');
        },
      },
    }),
    recorder: createEventRecorder({
      client: createKubeClient(transport, { limiter, observer, clock, random }),
      reportingController: 'sagamesh.dev/operator',
      reportingInstance: identity.slice(0, 128),
      clock,
      random,
      observer: metrics.recorder,
    }),
    metrics,
    identity,
    close: () => transport.close(),
  };
}
