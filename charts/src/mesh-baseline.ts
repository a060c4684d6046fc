import type { IServiceEntry } from '@kubernetes-models/istio/networking.istio.io/v1/ServiceEntry';
import type { ISidecar } from '@kubernetes-models/istio/networking.istio.io/v1/Sidecar';
import type { IVirtualService } from '@kubernetes-models/istio/networking.istio.io/v1/VirtualService';
import type { IAuthorizationPolicy } from '@kubernetes-models/istio/security.istio.io/v1/AuthorizationPolicy';
import type { IPeerAuthentication } from '@kubernetes-models/istio/security.istio.io/v1/PeerAuthentication';
import { Construct } from 'constructs';
import { externalLimits } from './breaker-limits.ts';
import { CircuitBreaker } from './constructs/circuit-breaker.ts';
import type { ExternalHost } from './environment.ts';
import { duration } from './duration.ts';
import { addObject } from './kube-object.ts';
import { hostOf, namespaces, ports, workloadNamed, type WorkloadName } from './topology.ts';

/** What holds for a whole namespace of ours before any workload says more: encrypted, and nobody may call anybody. */

export function strictMutualTls(namespace: string): IPeerAuthentication {
  return {
    apiVersion: 'security.istio.io/v1',
    kind: 'PeerAuthentication',
    metadata: { name: 'default', namespace },
    spec: { mtls: { mode: 'STRICT' } },
  };
}

export function refuseAll(namespace: string): IAuthorizationPolicy {
  return {
    apiVersion: 'security.istio.io/v1',
    kind: 'AuthorizationPolicy',
    metadata: { name: 'refuse-all', namespace },
    // Allows what fits a rule, and has none.
    spec: {},
  };
}

/** For pods without a scope of their own. */
export function knowNobody(namespace: string): ISidecar {
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'Sidecar',
    metadata: { name: 'default', namespace },
    spec: {
      outboundTrafficPolicy: { mode: 'REGISTRY_ONLY' },
      egress: [{ hosts: [`${namespaces.istio}/*`] }],
    },
  };
}

/** A call that its client repeats itself, or the operator does: the mesh sends it once, and gives up later than the client. */
export function sentOnce(name: WorkloadName, timeoutMillis: number): IVirtualService {
  const { namespace } = workloadNamed(name);
  const host = hostOf({ name, namespace });
  return {
    apiVersion: 'networking.istio.io/v1',
    kind: 'VirtualService',
    metadata: { name, namespace },
    spec: {
      hosts: [host],
      http: [
        {
          name: `${name}-once`,
          route: [{ destination: { host, port: { number: ports.http.number } } }],
          timeout: duration(timeoutMillis),
          retries: { attempts: 0 },
        },
      ],
    },
  };
}

/** A host outside of the cluster, for its one caller's namespace: its name in the mesh, and a breaker on the way there. */
export class OutsideHost extends Construct {
  constructor(scope: Construct, id: string, external: ExternalHost) {
    super(scope, id);
    const { name, host, port, protocol, caller } = external;
    const { namespace } = workloadNamed(caller);
    const entry: IServiceEntry = {
      apiVersion: 'networking.istio.io/v1',
      kind: 'ServiceEntry',
      metadata: { name, namespace },
      spec: {
        hosts: [host],
        exportTo: ['.'],
        location: 'MESH_EXTERNAL',
        resolution: 'DNS',
        ports: [{ name: `${protocol.toLowerCase()}-${port}`, number: port, protocol }],
      },
    };
    addObject(this, entry);
    new CircuitBreaker(this, 'breaker', {
      name,
      namespace,
      host,
      limits: externalLimits(caller),
      replicas: 1,
      exportTo: ['.'],
    });
  }
}
