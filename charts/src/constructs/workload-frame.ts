import { k8s } from 'cdk8s-plus-27';
import { Construct } from 'constructs';
import { breakerLimitsOf } from '../breaker-limits.ts';
import { addObject } from '../kube-object.ts';
import { calleesScope, callersPolicy } from '../mesh-rules.ts';
import { egressRules, ingressRules, type NetworkSurroundings } from '../network-rules.ts';
import { labelsOf } from '../pod.ts';
import { hostOf, type Workload } from '../topology.ts';
import { CircuitBreaker } from './circuit-breaker.ts';

export interface WorkloadFrameProps {
  readonly workload: Workload;
  readonly surroundings: NetworkSurroundings;
  readonly replicas: number;
  /** Default true. The operator's stands with its RBAC. */
  readonly serviceAccount?: boolean;
  /** Default: a ClusterIP with the workload's ports. The gateway brings its own. */
  readonly service?: boolean;
}

/** Everything around the pods of a workload: identity, address, who may call it, whom it may call, how many may be away at once. */
export class WorkloadFrame extends Construct {
  constructor(scope: Construct, id: string, props: WorkloadFrameProps) {
    super(scope, id);
    const { workload, surroundings, replicas } = props;
    const { name, namespace } = workload;
    const metadata = { name, namespace, labels: labelsOf(workload) };
    const selector = { matchLabels: { app: name } };
    if (props.serviceAccount ?? true) {
      new k8s.KubeServiceAccount(this, 'account', { metadata, automountServiceAccountToken: false });
    }
    if (props.service ?? true) {
      new k8s.KubeService(this, 'service', {
        metadata,
        spec: { type: 'ClusterIP', selector: { app: name }, ports: servicePorts(workload) },
      });
    }
    new k8s.KubePodDisruptionBudget(this, 'budget', {
      metadata,
      spec: { selector, maxUnavailable: k8s.IntOrString.fromNumber(1) },
    });
    new k8s.KubeNetworkPolicy(this, 'network', {
      metadata,
      spec: {
        podSelector: selector,
        policyTypes: ['Ingress', 'Egress'],
        ingress: ingressRules(workload, surroundings),
        egress: egressRules(workload, surroundings),
      },
    });
    if (!surroundings.mesh) return;
    new CircuitBreaker(this, 'breaker', {
      name,
      namespace,
      host: hostOf(workload),
      limits: breakerLimitsOf(name),
      replicas,
    });
    // A gateway is called from outside and sees all services: its own policies say what it passes on.
    if (workload.component === 'gateway') return;
    addObject(this, callersPolicy(workload, surroundings.among));
    addObject(this, calleesScope(workload, surroundings.among, surroundings.externalHosts));
  }
}

function servicePorts({ ports }: Workload): k8s.ServicePort[] {
  return ports.map(({ name, number }) => ({
    name,
    port: number,
    targetPort: k8s.IntOrString.fromNumber(number),
    protocol: 'TCP',
  }));
}
