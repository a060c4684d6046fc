import { randomUUID } from 'node:crypto';
import { freePort } from '@sagamesh/sandbox/free-port';
import { ManagedProcess } from '@sagamesh/sandbox/managed-process';
import type { ServiceName } from '@sagamesh/sandbox/system/process-catalog';
import type { PairFact } from '../facts.ts';
import { holds } from './lab.ts';
import type { Lab } from './lab.ts';

/** Two processes of every service side by side on one store, as replicas are. */

/** What each process counts of its work with messages; a service that has none of these works for HTTP alone. */
const workMetrics = ['saga_command_duration_seconds_count', 'notifications_total'];

type Addresses = ReadonlyMap<string, readonly string[]>;

export async function doubleAll(lab: Lab, orders: number): Promise<readonly PairFact[]> {
  const seconds: ManagedProcess[] = [];
  try {
    const addresses = new Map<string, readonly string[]>();
    for (const service of lab.services) {
      const port = await freePort();
      seconds.push(secondOf(lab, service, port));
      addresses.set(service, [lab.system.url(service), `http://127.0.0.1:${port}`]);
    }
    await Promise.all(seconds.map((process) => process.start()));
    return [...(await workWithMessages(lab, addresses, orders)), ...(await workOverHttp(addresses))];
  } finally {
    await Promise.all(seconds.map((process) => process.stop()));
  }
}

/** The same in everything but the port. */
function secondOf(lab: Lab, service: ServiceName, port: number): ManagedProcess {
  const { spec } = lab.system.process(service);
  return new ManagedProcess({
    ...spec,
    name: `${service}-second`,
    logFile: spec.logFile.replace(/\.log$/, '-second.log'),
    env: { ...spec.env, PORT: String(port) },
    ready: async () => (await fetch(`http://127.0.0.1:${port}/readyz`)).ok,
  });
}

async function workWithMessages(
  lab: Lab,
  addresses: Addresses,
  orders: number,
): Promise<readonly PairFact[]> {
  const before = await workOfAll(addresses);
  const pairs = async () => {
    const after = await workOfAll(addresses);
    return [...after].map(([service, counts]) => ({
      service,
      handled: counts.map((count, index) => count - (before.get(service)?.[index] ?? 0)),
    }));
  };
  const allWorked = async () => {
    const placed = Array.from({ length: orders }, () => lab.placeOrder('pair@example.org'));
    for (const name of await Promise.all(placed)) await lab.untilEnded(name);
    return (await pairs()).every(({ handled }) => !handled.includes(0));
  };
  // The broker gives each message to whoever asks first: one of two may be slower for a while.
  await holds(allWorked, 'both processes of each service to have worked');
  return pairs();
}

/** Services without work metrics are not in it. */
async function workOfAll(addresses: Addresses): Promise<Work> {
  const work = new Map<string, readonly number[]>();
  for (const [service, urls] of addresses) {
    const counts = await Promise.all(urls.map((url) => workOf(url)));
    if (counts.every((count) => count !== undefined)) work.set(service, counts);
  }
  return work;
}

type Work = ReadonlyMap<string, readonly number[]>;

/** The sum of the work metrics of a process; undefined when it has none. */
async function workOf(url: string): Promise<number | undefined> {
  const text = await (await fetch(`${url}/metrics`)).text();
  if (!workMetrics.some((name) => text.includes(name))) return undefined;
  return text
    .split('\n')
    .filter((line) => workMetrics.some((name) => line.startsWith(`${name}{`) || line.startsWith(`${name} `)))
    .reduce((sum, line) => sum + Number(line.split(' ').at(-1)), 0);
}

/** The user service: who is registered at one process gets a token at the other. */
async function workOverHttp(addresses: Addresses): Promise<readonly PairFact[]> {
  const [first, second] = addresses.get('user') ?? [];
  if (first === undefined || second === undefined) return [];
  const credentials = { email: `${randomUUID()}@example.org`, password: randomUUID() };
  const post = async (url: string, body: object): Promise<number> => {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'idempotency-key': `"${randomUUID()}"` },
      body: JSON.stringify(body),
    });
    await response.arrayBuffer();
    return response.ok ? 1 : 0;
  };
  const registered = await post(`${second}/api/v1/users`, { ...credentials, name: 'Ada' });
  const known = await post(`${first}/api/v1/users/token`, credentials);
  return [{ service: 'user', handled: [known, registered] }];
}
