import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { startKindSite } from '@sagamesh/cluster/kind-site';
import { kindKubeconfig, repository } from '@sagamesh/cluster/kubeconfig';
import { rotateKeys } from '@sagamesh/cluster/rotate-keys';
import { mustSucceed, runCommand } from '@sagamesh/cluster/run-command';
import { gatewayHttpsUrl, gatewayUrl, newCustomer, placeSmokeOrder } from '@sagamesh/cluster/smoke-order';
import { kubectlFor } from '@sagamesh/sandbox/kubectl';
import { mustRun } from '@sagamesh/sandbox/system/manifests';
import { waitUntil } from '@sagamesh/sandbox/wait-until';
import { decodeProtectedHeader } from 'jose';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';
import { describeMesh } from './mesh.behaviour.ts';

/** The cluster of `make kind-up`, as it is: what only a kubelet, an injector and real services can show. Then what the mesh enforces. */

const kubectl = await kubectlFor(kindKubeconfig);
const run = (...args: readonly string[]) => mustRun(kubectl, args);
const patience = { timeoutMillis: 120_000, intervalMillis: 1_000 } as const;

const podsSchema = z.object({
  items: z.array(
    z.object({
      metadata: z.object({ name: z.string(), uid: z.string() }),
      spec: z.object({
        initContainers: z
          .array(z.object({ name: z.string(), restartPolicy: z.string().optional() }))
          .default([]),
        containers: z.array(z.object({ name: z.string() })),
      }),
      status: z.object({
        conditions: z.array(z.object({ type: z.string(), status: z.string() })).default([]),
        containerStatuses: z.array(z.object({ name: z.string(), restartCount: z.number() })).default([]),
      }),
    }),
  ),
});

async function podsOf(namespace: string, ...selector: readonly string[]) {
  return podsSchema.parse(JSON.parse(await run('get', 'pods', '-n', namespace, ...selector, '-o', 'json')))
    .items;
}

/** What a container prints for a line of JavaScript. */
const inNode = (namespace: string, target: string, script: string) =>
  run('exec', '-n', namespace, target, '--', 'node', '-e', script);

describe('the cluster', () => {
  it.each(['shop', 'sagamesh-system'])(
    'has a native sidecar in every pod of %s, and every pod is ready',
    async (namespace) => {
      const pods = await podsOf(namespace);
      expect(pods.length).toBeGreaterThan(1);
      for (const { metadata, spec, status } of pods) {
        const sidecar = spec.initContainers.find(({ name }) => name === 'istio-proxy');
        expect({ pod: metadata.name, sidecar: sidecar?.restartPolicy }).toEqual({
          pod: metadata.name,
          sidecar: 'Always',
        });
        expect(status.conditions.find(({ type }) => type === 'Ready')?.status).toBe('True');
      }
    },
  );

  it('refuses plain text from a pod without a sidecar, at services, databases and the broker', async () => {
    const image = await run(
      'get',
      'deployment',
      '-n',
      'shop',
      'order',
      '-o',
      'jsonpath={.spec.template.spec.containers[0].image}',
    );
    const outsider = { name: 'outsider', namespace: 'default' };
    const pod = {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { ...outsider, labels: { 'sidecar.istio.io/inject': 'false' } },
      spec: {
        terminationGracePeriodSeconds: 1,
        containers: [
          {
            name: 'app',
            image,
            imagePullPolicy: 'IfNotPresent',
            command: ['node', '-e', 'setInterval(() => {}, 1e6)'],
          },
        ],
      },
    };
    try {
      await mustRun(kubectl, ['apply', '-f', '-'], JSON.stringify(pod));
      await run('wait', '--for=condition=Ready', '-n', 'default', 'pod/outsider', '--timeout=300s');
      // It does reach a pod that is in no mesh.
      const control = `fetch("http://istiod.istio-system:15014/version",{signal:AbortSignal.timeout(60000)}).then((r)=>console.log(r.status))`;
      expect((await inNode('default', 'outsider', control)).trim()).toBe('200');
      const addresses = [
        'order.shop:3000',
        'sagamesh-operator.sagamesh-system:8080',
        'payment-provider.shop:3000',
      ];
      const asks = addresses.map(
        (address) =>
          `fetch("http://${address}/livez",{signal:AbortSignal.timeout(8000)}).then((r)=>r.status,(e)=>e.name)`,
      );
      const greetings = ['order-db.shop:5432', 'nats.shop:4222'].map((address) => {
        const [host, port] = address.split(':');
        return `new Promise((done)=>{const s=require("net").connect(${port},"${host}.svc.cluster.local",()=>s.write(Buffer.from("0000000804d2162f","hex")));s.setTimeout(8000,()=>done("silence"));s.once("data",()=>done("heard"));s.once("error",(e)=>done(e.code));s.once("close",()=>done("closed"))})`;
      });
      const script = `Promise.all([${[...asks, ...greetings].join(',')}]).then((all)=>console.log(JSON.stringify(all)))`;
      const answers = z
        .array(z.union([z.string(), z.number()]))
        .parse(JSON.parse(await inNode('default', 'outsider', script)));
      expect(answers).toHaveLength(5);
      for (const answer of answers)
        expect(['TypeError', 'TimeoutError', 'ECONNRESET', 'closed', 'silence']).toContain(answer);
    } finally {
      await run('delete', 'pod', '-n', 'default', 'outsider', '--ignore-not-found');
    }
  });

  it('completes an OrderSaga that is applied with kubectl', async () => {
    const sample: unknown = parse(
      readFileSync(join(repository, 'manifests/samples/good-order.yaml'), 'utf8'),
    );
    const saga = z.looseObject({ spec: z.looseObject({ order: z.looseObject({}) }) }).parse(sample);
    const name = `kind-${randomUUID()}`;
    const own = {
      ...saga,
      metadata: { name },
      spec: { ...saga.spec, order: { ...saga.spec.order, id: name } },
    };
    await mustRun(kubectl, ['create', '-n', 'shop', '-f', '-'], JSON.stringify(own));
    await run('wait', '-n', 'shop', `osaga/${name}`, '--for=condition=Succeeded', '--timeout=300s');
    expect(await run('get', 'osaga', '-n', 'shop', name, '-o', 'jsonpath={.status.outcome}')).toBe(
      'Completed',
    );
  });

  it('carries the correlation id of an order to its saga and to the logs of all who work on it, and mails the customer', async () => {
    const placed = await placeSmokeOrder({ kubectl, gatewayUrl, gatewayHttpsUrl, timeoutSeconds: 300 });
    const { correlationId, orderId, email } = placed;
    expect(correlationId).toMatch(/^[0-9a-f-]{36}$/);
    const annotation = String.raw`jsonpath={.metadata.annotations.sagamesh\.dev/correlation-id}`;
    expect(await run('get', 'osaga', '-n', 'shop', orderId, '-o', annotation)).toBe(correlationId);
    for (const service of ['order', 'inventory', 'payment']) {
      const log = await run('logs', '-n', 'shop', '-l', `app=${service}`, '-c', service, '--tail=2000');
      const lines = log
        .split('\n')
        .filter((line) => line.includes(orderId) && line.includes(correlationId ?? ''));
      expect({ service, lines: lines.length > 0 }).toEqual({ service, lines: true });
    }
    await waitUntil(
      async () => {
        const mails = await inNode(
          'shop',
          'deploy/smtp-sink',
          'fetch("http://127.0.0.1:3000/mails").then(async (r) => console.log(await r.text()))',
        );
        return mails.includes(email) && mails.includes(orderId);
      },
      { ...patience, what: `a mail to ${email} about ${orderId}` },
    );
  });

  it('loses no order when a pod is killed in the middle of it', async () => {
    const before = await podsOf('shop', '-l', 'app=payment');
    const placed = placeSmokeOrder({ kubectl, gatewayUrl, gatewayHttpsUrl, timeoutSeconds: 300 });
    placed.catch(() => undefined);
    await run('delete', 'pod', '-n', 'shop', '-l', 'app=payment', '--grace-period=0', '--force');
    expect((await placed).orderId).toMatch(/^ord-/);
    const after = await podsOf('shop', '-l', 'app=payment');
    expect(after.map(({ metadata }) => metadata.uid)).not.toEqual(before.map(({ metadata }) => metadata.uid));
  });

  it('takes every good token while the signing key is exchanged, and gives out tokens of the new one', async () => {
    const patient = performance.now() + 500_000;
    const kidOf = (token: string) => decodeProtectedHeader(token).kid;
    const before = await newCustomer(gatewayUrl, patient);
    const tokens = [before.token];
    const refusals: number[] = [];
    let asked = 0;
    const exchanged = new AbortController();
    // One a second: more would meet the limit of the gateway.
    const asking = (async () => {
      while (!exchanged.signal.aborted) {
        for (const token of tokens) {
          const { status } = await fetch(`${gatewayUrl}/api/v1/orders`, {
            headers: { authorization: `Bearer ${token}` },
          });
          asked += 1;
          if (status !== 200) refusals.push(status);
        }
        await delay(1_000);
        const { token } = await newCustomer(gatewayUrl, patient);
        if (tokens.every((known) => kidOf(known) !== kidOf(token))) tokens.push(token);
      }
    })();
    const kid = await rotateKeys({
      kubectl,
      note: () => undefined,
      timeoutSeconds: 300,
      settleMillis: 2_000,
    });
    const after = await newCustomer(gatewayUrl, patient);
    tokens.push(after.token, before.token);
    await delay(2_500);
    exchanged.abort();
    await asking;
    expect(kidOf(after.token)).toBe(kid);
    expect(kidOf(before.token)).not.toBe(kid);
    expect(asked).toBeGreaterThan(5);
    expect(refusals).toEqual([]);
  });

  it('starts an app again that hangs: its probe says so to the kubelet', async () => {
    const restarts = async () => {
      const [pod] = await podsOf('shop', '-l', 'app=sms-sink');
      return {
        uid: pod?.metadata.uid ?? '',
        count: pod?.status.containerStatuses.find(({ name }) => name !== 'istio-proxy')?.restartCount ?? 0,
      };
    };
    const before = await restarts();
    // From outside of the pod: there, its first process is not to be stopped by anybody.
    const uid = before.uid.replaceAll('-', '[-_]');
    const stop = `for p in /proc/[0-9]*; do if grep -q 'pod${uid}' $p/cgroup 2>/dev/null && tr '\\0' ' ' <$p/cmdline | grep -q 'node main.mjs'; then kill -STOP \${p#/proc/} && echo stopped; fi; done`;
    const said = await mustSucceed(runCommand, 'docker', [
      'exec',
      'sagamesh-control-plane',
      'sh',
      '-c',
      stop,
    ]);
    expect(said).toContain('stopped');
    await waitUntil(async () => (await restarts()).count > before.count, {
      ...patience,
      timeoutMillis: 300_000,
      what: 'the kubelet to start it again',
    });
    await run('wait', '--for=condition=Ready', '-n', 'shop', 'pod', '-l', 'app=sms-sink', '--timeout=200s');
  });
});

describeMesh('kind', () =>
  startKindSite({ kubectl, kubeconfig: kindKubeconfig, note: (line) => process.stdout.write(`${line}\n`) }),
);

describe('the cluster, after all that', () => {
  it('takes orders again', async () => {
    const { orderId } = await placeSmokeOrder({ kubectl, gatewayUrl, gatewayHttpsUrl, timeoutSeconds: 300 });
    expect(orderId).toMatch(/^ord-/);
  });
});
