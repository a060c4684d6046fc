/** Widgets behind a wire that may misbehave: an informer on that wire, and an honest client beside it that makes the facts. */
import { type KubeClient, listAll } from '../client.ts';
import { type Informer, createInformer } from '../informer.ts';
import { type KubeObject, keyOf } from '../kube-object.ts';
import type { StoreChange } from '../store.ts';
import { type Call, MisbehavingTransport } from './misbehaving-transport.ts';
import { type Stage, clientOn, newNamespace } from './stage.ts';

/** A namespaced custom resource with a status subresource and a free-form spec and status. */
export const widgets = { group: 'kube.test', version: 'v1', plural: 'widgets' };

export type Widget = KubeObject & {
  readonly spec?: Readonly<Record<string, unknown>>;
  readonly status?: Readonly<Record<string, unknown>>;
};

export type WatchedWidgets = {
  readonly stage: Stage;
  readonly wire: MisbehavingTransport;
  readonly namespace: string;
  readonly informer: Informer<Widget>;
  readonly changes: StoreChange<Widget>[];
  readonly failures: { readonly stage: string; readonly error: unknown }[];
  readonly gapsMillis: number[];
  readonly honest: KubeClient;
  readonly create: (name: string, more?: object) => Promise<Widget>;
  readonly patch: (name: string, spec: object) => Promise<Widget>;
  readonly remove: (name: string) => Promise<void>;
  readonly get: (name: string) => Widget | undefined;
  /** The store holds exactly what the server has, version by version. */
  untilTrue(): Promise<void>;
  /** What was told, as 'added a'. */
  told(): readonly string[];
};

export type WatchOptions = {
  readonly random?: () => number;
  readonly transform?: (raw: KubeObject) => Widget;
  readonly requestTimeoutMillis?: number;
  readonly pageSize?: number;
};

/** The informer has not been started. */
export async function watchWidgets(stage: Stage, options: WatchOptions = {}): Promise<WatchedWidgets> {
  const { clock } = stage;
  const wire = new MisbehavingTransport(stage.transport, () => clock.now());
  const namespace = await newNamespace(stage);
  const honest = clientOn(stage.transport, clock);
  const changes: StoreChange<Widget>[] = [];
  const failures: { readonly stage: string; readonly error: unknown }[] = [];
  const gapsMillis: number[] = [];
  const informer = createInformer<Widget>({
    client: clientOn(wire, clock, options.requestTimeoutMillis),
    resource: widgets,
    namespaces: [namespace],
    transform: options.transform ?? ((raw) => raw),
    onChange: (change) => changes.push(change),
    clock,
    random: options.random ?? (() => 0),
    pageSize: options.pageSize ?? 2,
    observer: {
      listed: () => undefined,
      watchStarted: ({ gapMillis }) => gapsMillis.push(gapMillis),
      failed: (failure) => failures.push(failure),
    },
  });
  const versions = (objects: Iterable<Widget>): string =>
    [...objects]
      .map(({ metadata }) => `${metadata.name} ${metadata.uid} ${metadata.resourceVersion}`)
      .toSorted()
      .join('\n');
  return {
    stage,
    wire,
    namespace,
    informer,
    changes,
    failures,
    gapsMillis,
    honest,
    create: (name, more = {}) =>
      honest.create<Widget>(widgets, namespace, {
        apiVersion: 'kube.test/v1',
        kind: 'Widget',
        spec: { size: 1 },
        ...more,
        metadata: { name, ...('metadata' in more && typeof more.metadata === 'object' ? more.metadata : {}) },
      }),
    patch: (name, spec) => honest.mergePatch<Widget>(widgets, { namespace, name }, { spec }),
    remove: (name) => honest.delete(widgets, { namespace, name }, {}),
    get: (name) => informer.store.get(keyOf({ namespace, name })),
    told: () => changes.map((change) => `${change.kind} ${change.object.metadata.name}`),
    async untilTrue() {
      const isTrue = async (): Promise<boolean> => {
        const { items } = await listAll<Widget>(honest, widgets, { namespace });
        return versions(items) === versions(informer.store.values());
      };
      await stage.until(isTrue, 'the store to hold what the server has');
    },
  };
}

/** Started, synced and watching. */
export async function startWatching(
  stage: Stage,
  options: WatchOptions = {},
  before: (world: WatchedWidgets) => Promise<unknown> = () => Promise.resolve(),
): Promise<WatchedWidgets> {
  const world = await watchWidgets(stage, options);
  await before(world);
  world.informer.start();
  await untilWatching(world);
  return world;
}

export async function untilWatching({ stage, wire }: WatchedWidgets): Promise<void> {
  await stage.until(() => wire.watches.size > 0, 'a watch');
}

/** How many of these requests were sent in the worst minute of the clock. */
export function worstMinute(calls: readonly Call[]): number {
  const times = calls.map((call) => call.atMillis);
  return Math.max(0, ...times.map((from) => times.filter((at) => at >= from && at < from + 60_000).length));
}
