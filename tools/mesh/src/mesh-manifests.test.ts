import { synthesize } from '@sagamesh/charts/synthesize';
import { describe, expect, it } from 'vitest';
import { endpointSlices, podObject, podPlan, podStatus } from './mesh-manifests.ts';
import { meshWorkloads } from './mesh-site.ts';

const objects = synthesize('kind').flatMap((file) => file.objects);
const plans = meshWorkloads.map((name, n) => podPlan(objects, name, `10.199.0.${10 + n}`));

describe("pods of the project's manifests", () => {
  it('run as their own service account, with the labels of the injector', () => {
    const order = podPlan(objects, 'order', '10.0.0.1');
    expect(order).toMatchObject({ name: 'order', namespace: 'shop', serviceAccount: 'order' });
    expect(order.labels).toMatchObject({ app: 'order', 'security.istio.io/tlsMode': 'istio' });
    expect(order.ports).toEqual([{ name: 'http', containerPort: 3000 }]);
  });

  it('take plain text only at the gateway', () => {
    expect(podPlan(objects, 'gateway', '10.0.0.1').labels).not.toHaveProperty('security.istio.io/tlsMode');
  });

  it('are an error where there is no such workload', () => {
    expect(() => podPlan(objects, 'nobody', '10.0.0.1')).toThrow('no Deployment or StatefulSet nobody');
  });

  it('are running and ready, as far as the API server knows', () => {
    const [plan] = plans;
    expect(plan && podObject(plan)).toMatchObject({ kind: 'Pod', metadata: { name: 'gateway' } });
    expect(plan && podStatus(plan)).toMatchObject({ status: { phase: 'Running', podIP: '10.199.0.10' } });
  });
});

describe('endpoints', () => {
  const slices = endpointSlices(objects, plans);

  it('are written for each Service that has a pod', () => {
    const names = slices.map(({ metadata }) => metadata.name);
    for (const workload of meshWorkloads) expect(names).toContain(`${workload}-mesh`);
  });

  it('lead to the port of the pod, not to that of the Service', () => {
    const gateway = slices.find(({ metadata }) => metadata.name === 'gateway-mesh');
    expect(gateway).toMatchObject({
      ports: [{ port: 8080 }, { port: 8443 }],
      endpoints: [{ addresses: ['10.199.0.10'] }],
    });
    const order = slices.find(({ metadata }) => metadata.name === 'order-mesh');
    expect(order).toMatchObject({ ports: [{ name: 'http', port: 3000 }] });
  });
});
