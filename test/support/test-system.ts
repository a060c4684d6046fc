import { bundleAll } from '@sagamesh/build/bundle';
import { orderSagaSchema } from '@sagamesh/contracts/order-saga';
import type { OrderSaga, Outcome } from '@sagamesh/contracts/order-saga';
import { DataDir } from '@sagamesh/sandbox/data-dir';
import { sagaNamespace } from '@sagamesh/sandbox/system/manifests';
import { startSystem } from '@sagamesh/sandbox/system/system';
import type { System, SystemOptions } from '@sagamesh/sandbox/system/system';
import { waitUntil } from '@sagamesh/sandbox/wait-until';
import { z } from 'zod';
import { refusalsIn } from './nats-refusals.ts';
import { sagaManifest } from './saga-manifest.ts';
import type { SagaChange } from './saga-manifest.ts';
import { watchSagas } from './saga-watch.ts';
import type { SagaWatch } from './saga-watch.ts';

/**
 * The whole system for one test file, on data of its own, with the means to act on it as a user does: everything goes through kubectl.
 * `stop` leaves no process and no file behind; so does a start that fails.
 */
export interface TestSystem extends System {
  readonly dataDir: DataDir;
  /** All OrderSagas of the sandbox's namespace, with their past. */
  readonly watch: SagaWatch;
  /** kubectl as admin in the sandbox's namespace; answers standard output, throws what kubectl said on failure. */
  shop(args: readonly string[], input?: string): Promise<string>;
  /** `kubectl apply`; answers the name. */
  applySaga(change?: SagaChange): Promise<string>;
  /** `kubectl patch --type=merge` on the spec. */
  patchSpec(name: string, spec: Readonly<Record<string, unknown>>): Promise<void>;
  annotate(name: string, annotations: Readonly<Record<string, string>>): Promise<void>;
  /** Asks for the delete and does not wait for it. */
  deleteSaga(name: string): Promise<void>;
  /** The saga at its end, which must be this one: any other end fails at once. */
  waitForOutcome(name: string, outcome: Outcome, timeoutMillis?: number): Promise<OrderSaga>;
  /** Until `status.currentStep` says so, or has said so. */
  waitForStep(name: string, step: string, timeoutMillis?: number): Promise<OrderSaga>;
  /** Until the Succeeded condition has this reason, or has had it. */
  waitForReason(name: string, reason: string, timeoutMillis?: number): Promise<OrderSaga>;
  /** Read from the API server itself. */
  getSaga(name: string): Promise<OrderSaga>;
  /** Oldest first. */
  eventsOf(name: string): Promise<readonly SagaEvent[]>;
  /** All Events of the saga, once there is one with this reason: they are written after the fact. */
  waitForEvent(name: string, reason: string): Promise<readonly SagaEvent[]>;
}

export interface SagaEvent {
  readonly type: string;
  readonly reason: string;
  readonly note: string;
}

export type TestSystemOptions = Omit<SystemOptions, 'dataDir'>;

/** Patience, not an expectation: other programs may be using this machine. */
export const patienceMillis = 120_000;

export async function startTestSystem(options: TestSystemOptions = {}): Promise<TestSystem> {
  await bundleAll();
  const dataDir = await DataDir.temporary();
  let refused: readonly string[] = [];
  const stops: (() => Promise<void> | void)[] = [
    () => expectNone(refused),
    () => dataDir.close({ remove: true }),
  ];
  const stop = async () => {
    for (const one of stops.splice(0).toReversed()) await one();
  };
  try {
    const system = await startSystem({ ...options, dataDir });
    stops.push(() => void (refused = refusalsIn(system.nats.logFile)));
    stops.push(() => system.stop());
    const watch = await watchSagas(system.controlPlane.adminKubeconfig, sagaNamespace);
    stops.push(() => watch.stop());
    return { ...system, ...userOf(system, watch), dataDir, watch, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** Rights that do not suffice are made up for by trying again, so nothing else would show them. */
function expectNone(refused: readonly string[]): void {
  if (refused.length > 0) throw new Error(`the NATS server refused: ${refused.join(', ')}`);
}

type UserTools = Omit<TestSystem, keyof System | 'dataDir' | 'watch'>;

function userOf(system: System, watch: SagaWatch): UserTools {
  const shop = async (args: readonly string[], input?: string): Promise<string> => {
    const { code, stdout, stderr } = await system.kubectl(['--namespace', sagaNamespace, ...args], input);
    if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr.trim()}`);
    return stdout;
  };
  const eventsOf = async (name: string): Promise<readonly SagaEvent[]> => {
    const ofSaga = ['--field-selector', `regarding.kind=OrderSaga,regarding.name=${name}`];
    const text = await shop(['get', 'events.events.k8s.io', ...ofSaga, '--output=json']);
    return eventListSchema
      .parse(JSON.parse(text))
      .items.toSorted((a, b) => a.eventTime.localeCompare(b.eventTime))
      .map(({ type, reason, note }) => ({ type, reason, note }));
  };
  const patch = async (name: string, change: object): Promise<void> => {
    await shop(['patch', `osaga/${name}`, '--type=merge', `--patch=${JSON.stringify(change)}`]);
  };
  return {
    shop,
    async applySaga(change) {
      const manifest = sagaManifest(change);
      await shop(['apply', '-f', '-'], JSON.stringify(manifest));
      return manifest.metadata.name;
    },
    patchSpec: (name, spec) => patch(name, { spec }),
    annotate: (name, annotations) => patch(name, { metadata: { annotations } }),
    async deleteSaga(name) {
      await shop(['delete', `osaga/${name}`, '--wait=false']);
    },
    async waitForOutcome(name, outcome, timeoutMillis = patienceMillis) {
      const hasEnded = ({ status }: OrderSaga) => status.outcome !== undefined;
      const ended = await watch.until(name, hasEnded, { what: `to end ${outcome}`, timeoutMillis });
      if (ended.status.outcome === outcome) return ended;
      throw new Error(
        `${name} ended ${ended.status.outcome}, not ${outcome}: ${JSON.stringify(ended.status, null, 2)}`,
      );
    },
    waitForStep: (name, step, timeoutMillis = patienceMillis) =>
      watch.until(name, ({ status }) => status.currentStep === step, {
        what: `to be at ${step}`,
        timeoutMillis,
      }),
    waitForReason: (name, reason, timeoutMillis = patienceMillis) =>
      watch.until(name, ({ status }) => status.conditions?.some((one) => one.reason === reason) === true, {
        what: `to say ${reason}`,
        timeoutMillis,
      }),
    async getSaga(name) {
      return orderSagaSchema.parse(JSON.parse(await shop(['get', `osaga/${name}`, '--output=json'])));
    },
    eventsOf,
    async waitForEvent(name, reason) {
      let told: readonly SagaEvent[] = [];
      const isTold = async () => {
        told = await eventsOf(name);
        return told.some((event) => event.reason === reason);
      };
      const what = `the Event ${reason} of ${name}`;
      await waitUntil(isTold, { timeoutMillis: patienceMillis, intervalMillis: 300, what });
      return told;
    },
  };
}

const eventListSchema = z.object({
  items: z.array(
    z.object({ type: z.string(), reason: z.string(), note: z.string(), eventTime: z.iso.datetime() }),
  ),
});
