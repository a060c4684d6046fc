import type { MeshAnswer, MeshRequest, MeshSite } from '@sagamesh/mesh/mesh-site';
import type { MeshTokens } from './mesh-tokens.ts';

/** How the suite speaks to the mesh: its addresses, and one request at a time. */

export const orders = '/api/v1/orders';
export const users = '/api/v1/users';
export const provider = 'http://payment-provider.shop.svc.cluster.local:3000/v1/payment_intents';
export const callProvider: MeshRequest = { url: provider, method: 'POST', body: '{}' };
export const problemJson = 'application/problem+json';

/** Patience, not an expectation: other programs may be using this machine. */
export const patience = { timeoutMillis: 90_000, intervalMillis: 250 } as const;

/** There is a site, and there are tokens, only once tests run: what only describes them must not ask for these two. */
export interface MeshClient {
  readonly site: MeshSite;
  readonly tokens: MeshTokens;
  /** Requests with a good token. */
  readonly get: (url: string, headers?: MeshRequest['headers']) => MeshRequest;
  readonly post: (url: string, headers?: MeshRequest['headers']) => MeshRequest;
  readonly outside: (request: MeshRequest) => Promise<MeshAnswer>;
  readonly from: (
    workload: 'payment' | 'notification' | 'order',
    request: MeshRequest,
  ) => Promise<MeshAnswer>;
}

export function meshClient(site: () => MeshSite, tokens: () => MeshTokens): MeshClient {
  const get: MeshClient['get'] = (url, headers = {}) => ({
    url,
    headers: { authorization: tokens().good, ...headers },
  });
  return {
    get site() {
      return site();
    },
    get tokens() {
      return tokens();
    },
    get,
    post: (url, headers = {}) => ({
      ...get(url, { 'content-type': 'application/json', ...headers }),
      method: 'POST',
      body: '{}',
    }),
    outside: async (request) => first(await site().send('outside', [request])),
    from: async (workload, request) => first(await site().send(workload, [request])),
  };
}

function first([answer]: readonly MeshAnswer[]): MeshAnswer {
  if (answer === undefined) throw new Error('no answer for one request');
  return answer;
}
