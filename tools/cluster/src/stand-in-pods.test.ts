import { synthesize } from '@sagamesh/charts/synthesize';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { removeStandIns } from './remove-stand-ins.ts';
import { openNetwork, scriptConfigMap, standInPod } from './stand-in-pods.ts';

const objects = synthesize('kind').flatMap((file) => file.objects);
const selectorSchema = z.object({ spec: z.object({ selector: z.record(z.string(), z.string()) }) });

describe('a stand-in', () => {
  it.each(['order', 'payment-provider', 'order-db', 'nats'])(
    'for %s is selected by its Service and has its account',
    (workload) => {
      const pod = standInPod(objects, workload, 'image');
      const service = objects.find(({ kind, metadata }) => kind === 'Service' && metadata.name === workload);
      const { selector } = selectorSchema.parse(service).spec;
      expect(pod.metadata.labels).toMatchObject(selector);
      expect(pod.metadata.namespace).toBe(service?.metadata.namespace);
      expect(pod.spec).toMatchObject({ serviceAccountName: workload });
    },
  );

  it('plays HTTP on the port of services, and answers bytes on all others', () => {
    expect(JSON.stringify(standInPod(objects, 'order', 'image').spec)).toContain(
      '"STAND_IN_HTTP_PORT","value":"3000"',
    );
    const nats = JSON.stringify(standInPod(objects, 'nats', 'image').spec);
    expect(nats).not.toContain('STAND_IN_HTTP_PORT');
    expect(nats).toMatch(/"STAND_IN_TCP_PORTS","value":"4222,/);
  });

  it('for nobody is an error', () => {
    expect(() => standInPod(objects, 'nobody', 'image')).toThrow('no Deployment or StatefulSet nobody');
  });

  it('is removed by name with all that came with it', async () => {
    const said: string[] = [];
    await removeStandIns((args) => {
      said.push(...args);
      return Promise.resolve({ code: 0, stdout: '', stderr: '' });
    });
    const pods = ['order', 'user', 'payment', 'payment-provider', 'notification', 'order-db', 'nats'].map(
      (workload) => `pod/${standInPod(objects, workload, 'image').metadata.name}`,
    );
    expect(said).toEqual(expect.arrayContaining(pods));
    expect(said).toContain(`networkpolicy/${openNetwork('shop').metadata.name}`);
    expect(said).toContain(`configmap/${scriptConfigMap}`);
  });
});
