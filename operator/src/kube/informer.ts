/** A store kept up to date by one reflector per namespace (or one for all), and word of every change. */
import type { KubeClient } from './client.ts';
import { type Clock, type Random, systemClock } from './clock.ts';
import type { KubeObject, ResourceType } from './kube-object.ts';
import { type InformerObserver, Reflector } from './reflector.ts';
import { ObjectStore, type Store, type StoreChange, type StoreScope } from './store.ts';

export type Informer<T extends KubeObject> = {
  readonly store: Store<T>;
  /** Idempotent; never throws and never gives up. */
  start(): void;
  stop(): Promise<void>;
  hasSynced(): boolean;
  /** False when stopped or aborted first. */
  waitForSync(signal?: AbortSignal): Promise<boolean>;
  /** Clock.now() of the last sign of life from the API server, the oldest of all namespaces; undefined before the first. */
  lastContactMillis(): number | undefined;
};

export type InformerOptions<T extends KubeObject> = {
  readonly client: KubeClient;
  readonly resource: ResourceType;
  /** Empty: all namespaces. */
  readonly namespaces: readonly string[];
  /**
   * Pure; gets the object without managedFields and last-applied, and what is known under its name. An object for which it throws is
   * reported and left out.
   */
  readonly transform: (raw: KubeObject, known: T | undefined) => T;
  /** May only enqueue. */
  readonly onChange: (change: StoreChange<T>) => void;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly observer?: InformerObserver;
  readonly pageSize?: number;
};

const silentObserver: InformerObserver = {
  listed: () => undefined,
  watchStarted: () => undefined,
  failed: () => undefined,
};

export function createInformer<T extends KubeObject>(options: InformerOptions<T>): Informer<T> {
  const clock = options.clock ?? systemClock;
  const observer = options.observer ?? silentObserver;
  const store = new ObjectStore<T>((change) => {
    try {
      options.onChange(change);
    } catch (error) {
      observer.failed({ stage: 'handler', error });
    }
  });
  const namespaces = options.namespaces.length === 0 ? [undefined] : [...new Set(options.namespaces)];
  const scopes = namespaces.map((namespace) => ({ namespace, scope: store.addScope(namespace) }));
  const waiting = new Set<() => void>();
  let reflectors: readonly Reflector<T>[] | undefined;
  let stopped = false;

  const hasSynced = (): boolean => scopes.every(({ scope }) => scope.resourceVersion() !== undefined);
  const wake = (): void => {
    for (const look of waiting) look();
  };
  const startOne = (namespace: string | undefined, scope: StoreScope<T>): Reflector<T> =>
    new Reflector({
      client: options.client,
      resource: options.resource,
      namespace,
      scope,
      transform: options.transform,
      onListed: wake,
      observer,
      pageSize: options.pageSize ?? 500,
      clock,
      random: options.random ?? Math.random,
    });

  return {
    store,
    hasSynced,
    start() {
      if (!stopped) reflectors ??= scopes.map(({ namespace, scope }) => startOne(namespace, scope));
    },
    async stop() {
      stopped = true;
      wake();
      await Promise.all((reflectors ?? []).map((reflector) => reflector.stop()));
    },
    waitForSync(signal) {
      return new Promise((resolve) => {
        const look = (): void => {
          if (!hasSynced() && !stopped && signal?.aborted !== true) return;
          waiting.delete(look);
          signal?.removeEventListener('abort', look);
          resolve(hasSynced() && !stopped && signal?.aborted !== true);
        };
        waiting.add(look);
        signal?.addEventListener('abort', look);
        look();
      });
    },
    lastContactMillis() {
      const times = (reflectors ?? []).map((reflector) => reflector.lastContactMillis());
      return times.reduce(
        (oldest, time) => (oldest === undefined || time === undefined ? undefined : Math.min(oldest, time)),
        times[0],
      );
    },
  };
}
