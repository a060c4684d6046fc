import { operatorIdentity } from '@sagamesh/contracts/operator-identity';
import type { k8s } from 'cdk8s-plus-27';
import type { Environment } from '../environment.ts';
import type { KubeObject } from '../kube-object.ts';
import { common, together, type ProcessSettings } from './service-environment.ts';

/** The operator beside its RBAC: environment, a token for the API server, and room there for its Lease. */

const tokenFolder = '/var/run/secrets/kubernetes.io/serviceaccount';

export function operatorSettings(environment: Environment): ProcessSettings {
  return together(common(operatorIdentity.serviceAccount, environment), {
    env: [
      { name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
      { name: 'POD_NAMESPACE', valueFrom: { fieldRef: { fieldPath: 'metadata.namespace' } } },
      { name: 'INTAKE_NAMESPACE', value: operatorIdentity.intakeNamespace },
    ],
    mounts: [{ path: tokenFolder, volume: apiServerToken() }],
  });
}

/** What a pod gets by default, said by name: a token of an hour, the API server's certificate authority, the pod's namespace. */
function apiServerToken(): k8s.Volume {
  return {
    name: 'api-server-token',
    projected: {
      defaultMode: 0o440,
      sources: [
        { serviceAccountToken: { path: 'token', expirationSeconds: 3_607 } },
        { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
        { downwardApi: { items: [{ path: 'namespace', fieldRef: { fieldPath: 'metadata.namespace' } }] } },
      ],
    },
  };
}

/** Renewals of the Lease wait for nobody's sagas: a busy API server must not depose a healthy leader. */
export function leaseFlowSchema(): KubeObject {
  const { namespace, serviceAccount } = operatorIdentity;
  return {
    apiVersion: 'flowcontrol.apiserver.k8s.io/v1',
    kind: 'FlowSchema',
    metadata: { name: `${serviceAccount}-leases` },
    spec: {
      priorityLevelConfiguration: { name: 'leader-election' },
      // Before the cluster's own schema for ServiceAccounts (9000), behind those for the control plane.
      matchingPrecedence: 500,
      distinguisherMethod: { type: 'ByUser' },
      rules: [
        {
          subjects: [{ kind: 'ServiceAccount', serviceAccount: { name: serviceAccount, namespace } }],
          resourceRules: [
            {
              verbs: ['get', 'create', 'update'],
              apiGroups: ['coordination.k8s.io'],
              resources: ['leases'],
              namespaces: [namespace],
            },
          ],
        },
      ],
    },
  };
}
