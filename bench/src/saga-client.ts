import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { orderSagaGroup, orderSagaPlural, orderSagaVersion } from '@sagamesh/contracts/order-saga';
import { Agent, request } from 'undici';
import type { Dispatcher } from 'undici';
import { parse } from 'yaml';
import { z } from 'zod';

/** Makes and watches OrderSagas at the API server, with as little work of its own as possible: it shares the machine with what it measures. */
export interface SagaClient {
  create(name: string, spec: object): Promise<void>;
  /** Calls back for every change from now on; resolves when the watch has begun, and answers how to stop it. */
  watch(onChange: (saga: SeenSaga) => void): Promise<() => void>;
  close(): Promise<void>;
}

export interface SeenSaga {
  readonly name: string;
  /** A terminal condition is set. */
  readonly outcome: string | undefined;
}

const kubeconfigSchema = z.object({
  clusters: z.tuple([
    z.object({ cluster: z.object({ server: z.url(), 'certificate-authority-data': z.string() }) }),
  ]),
  users: z.tuple([z.object({ user: z.object({ token: z.string() }) })]),
});

/** Only what is looked at: thousands of these are parsed while the clock runs. */
const eventSchema = z.object({
  object: z.object({
    metadata: z.object({ name: z.string(), resourceVersion: z.string() }),
    status: z.object({ outcome: z.string().optional() }).default({}),
  }),
});
const listSchema = z.object({ metadata: z.object({ resourceVersion: z.string() }) });

export function openSagaClient(kubeconfig: string, namespace: string, connections: number): SagaClient {
  const { clusters, users } = kubeconfigSchema.parse(parse(readFileSync(kubeconfig, 'utf8')));
  const { server, 'certificate-authority-data': authority } = clusters[0].cluster;
  const ca = Buffer.from(authority, 'base64').toString('utf8');
  const dispatcher = new Agent({ connections: connections + 1, bodyTimeout: 0, connect: { ca } });
  const url = `${server}/apis/${orderSagaGroup}/${orderSagaVersion}/namespaces/${namespace}/${orderSagaPlural}`;
  const headers = { authorization: `Bearer ${users[0].user.token}`, 'content-type': 'application/json' };
  const call = async (
    address: string,
    options: { readonly method?: 'GET' | 'POST'; readonly body?: string } = {},
  ): Promise<Dispatcher.ResponseData> => {
    const response = await request(address, { ...options, headers, dispatcher });
    if (response.statusCode < 300) return response;
    throw new Error(`${address} answered ${response.statusCode}: ${await response.body.text()}`);
  };
  return {
    async create(name, spec) {
      const saga = {
        apiVersion: `${orderSagaGroup}/${orderSagaVersion}`,
        kind: 'OrderSaga',
        metadata: { name },
        spec,
      };
      const response = await call(url, { method: 'POST', body: JSON.stringify(saga) });
      await response.body.dump();
    },
    async watch(onChange) {
      const list = await call(`${url}?limit=1`);
      let { resourceVersion } = listSchema.parse(await list.body.json()).metadata;
      let isStopped = false;
      let body: Dispatcher.ResponseData['body'] | undefined;
      const follow = async (): Promise<void> => {
        ({ body } = await call(`${url}?watch=true&resourceVersion=${resourceVersion}`));
        if (isStopped) body.destroy();
        const lines = createInterface({ input: body });
        lines.on('line', (line) => {
          const { metadata, status } = eventSchema.parse(JSON.parse(line)).object;
          ({ resourceVersion } = metadata);
          onChange({ name: metadata.name, outcome: status.outcome });
        });
        lines.on('error', () => undefined); // then it closes
        // The API server ends the watch of whoever does not keep up with it: go on behind what was seen.
        lines.once('close', () => void (isStopped || follow()));
      };
      await follow();
      return () => {
        isStopped = true;
        body?.destroy();
      };
    },
    close: () => dispatcher.destroy(),
  };
}
