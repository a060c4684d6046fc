import type { ServiceName } from '@sagamesh/sandbox/system/process-catalog';
import { replySchema } from '@sagamesh/contracts/messages';
import { replySubject, streamNames } from '@sagamesh/contracts/subjects';
import type { HungProviderFact, LostDependencyFact } from '../facts.ts';
import type { HealthView, Lab } from './lab.ts';
import { holds } from './lab.ts';
import { closeDatabase, openDatabase } from './stores.ts';
import type { Traffic } from './traffic.ts';

/** Broker, databases and provider taken away, one at a time, and given back. */

const degradedChecks = ({ checks }: HealthView) =>
  Object.entries(checks)
    .filter(([, { status }]) => status !== 'healthy')
    .map(([name]) => name);

interface Loss {
  readonly dependency: string;
  readonly services: readonly ServiceName[];
  take(): Promise<void>;
  giveBack(): Promise<void>;
}

async function whileLost(lab: Lab, loss: Loss): Promise<readonly LostDependencyFact[]> {
  const before = new Map<ServiceName, string>();
  for (const service of loss.services) before.set(service, (await lab.health(service)).status);
  const during = new Map<ServiceName, HealthView>();
  await loss.take();
  try {
    for (const service of loss.services) {
      const tells = async () => degradedChecks(await lab.health(service)).includes(loss.dependency);
      await holds(tells, `${service} to tell`, 60_000);
      during.set(service, await lab.health(service));
    }
  } finally {
    await loss.giveBack();
  }
  const facts: LostDependencyFact[] = [];
  for (const service of loss.services) {
    await holds(async () => (await lab.health(service)).status === 'healthy', `${service} to recover`);
    const view = during.get(service);
    facts.push({
      service,
      dependency: loss.dependency,
      before: before.get(service) ?? 'unknown',
      during: view?.status ?? 'unknown',
      named: view === undefined ? [] : degradedChecks(view),
      after: (await lab.health(service)).status,
    });
  }
  return facts;
}

/** The broker for all; then each service's database alone, while the others keep theirs. */
export async function loseEachDependency(
  lab: Lab,
  stores: ReadonlyMap<ServiceName, string>,
): Promise<readonly LostDependencyFact[]> {
  const broker = lab.system.nats.process;
  const facts = [
    ...(await whileLost(lab, {
      dependency: 'broker',
      services: lab.services,
      take: () => broker.stop(),
      giveBack: () => broker.start(),
    })),
  ];
  for (const [service, url] of stores) {
    facts.push(
      ...(await whileLost(lab, {
        dependency: 'database',
        services: [service],
        take: () => closeDatabase(url),
        giveBack: () => openDatabase(url),
      })),
    );
  }
  return facts;
}

/** The provider keeps its sockets and answers nothing. The charge must be given up, nobody else may notice, and the order must end. */
export async function hangProvider(lab: Lab, traffic: Traffic): Promise<HungProviderFact> {
  const provider = lab.system.process('payment-provider');
  const failedCharges = async () => (await failedReplies(traffic)).length;
  const failedBefore = await failedCharges();
  let healthyMeanwhile: readonly string[] = [];
  let order: string;
  provider.pause();
  try {
    order = await lab.placeOrder();
    await holds(async () => (await failedCharges()) > failedBefore, 'a charge to be cut off');
    healthyMeanwhile = await lab.healthyOf(lab.services);
  } finally {
    provider.resume();
  }
  const cutOff = (await failedCharges()) - failedBefore;
  const { status } = await lab.untilEnded(order);
  return { cutOff, healthyMeanwhile, outcomeAfter: status.outcome ?? 'open' };
}

async function failedReplies(traffic: Traffic) {
  const messages = await traffic.stored(streamNames.replies);
  return messages
    .filter(({ subject }) => subject === replySubject('payment'))
    .map(({ body }) => replySchema.safeParse(JSON.parse(Buffer.from(body).toString('utf8'))))
    .filter(({ data }) => data?.outcome === 'Failed');
}
