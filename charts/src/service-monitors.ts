import type { KubeObject } from './kube-object.ts';
import { namespaces } from './topology.ts';

/**
 * For the Prometheus operator: scrapes the application's metrics and Envoy's together, at the sidecar's agent. The application's own port is closed to
 * everybody but its callers, and speaks mutual TLS.
 */
export function serviceMonitors(): readonly KubeObject[] {
  return [namespaces.system, namespaces.shop].map((namespace) => ({
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'ServiceMonitor',
    metadata: { name: 'sagamesh', namespace, labels: { 'app.kubernetes.io/part-of': 'sagamesh' } },
    spec: {
      selector: {
        matchExpressions: [
          { key: 'app.kubernetes.io/component', operator: 'In', values: ['service', 'operator'] },
        ],
      },
      endpoints: [
        {
          port: 'http',
          path: '/stats/prometheus',
          interval: '30s',
          relabelings: [
            {
              action: 'replace',
              sourceLabels: ['__meta_kubernetes_pod_ip'],
              regex: '(.+)',
              replacement: '$1:15020',
              targetLabel: '__address__',
            },
          ],
        },
      ],
    },
  }));
}
