/**
 * Keeps one scope of a store equal to the API server: LIST once, WATCH for ever. It never gives up and never lists again unless history
 * is lost. Semantics and constants: client-go tools/cache/reflector.go. Own rules: knowledge never goes back (store.ts), and a silent
 * connection is cut by a watchdog.
 */
import { ApiError, apiErrorFromStatus, isGone, isTooLargeResourceVersion } from './api-error.ts';
import { type Backoff, createBackoff } from './backoff.ts';
import { type KubeClient, listAll } from './client.ts';
import { type Clock, type Random, sleep } from './clock.ts';
import { type KubeObject, type ResourceType, keyOf } from './kube-object.ts';
import type { StoreScope } from './store.ts';

export type InformerObserver = {
  listed(list: { readonly items: number; readonly durationMillis: number }): void;
  /** `gapMillis`: how long nobody watched, between the end of the previous watch and the start of this one. */
  watchStarted(watch: { readonly gapMillis: number }): void;
  failed(failure: { readonly stage: 'list' | 'watch' | 'object' | 'handler'; readonly error: unknown }): void;
};

export type ReflectorOptions<T extends KubeObject> = {
  readonly client: KubeClient;
  readonly resource: ResourceType;
  readonly namespace: string | undefined;
  readonly scope: StoreScope<T>;
  readonly transform: (raw: KubeObject, known: T | undefined) => T;
  readonly onListed: () => void;
  readonly observer: InformerObserver;
  readonly pageSize: number;
  readonly clock: Clock;
  readonly random: Random;
};

const backoffTiming = { initialMillis: 800, maxMillis: 30_000, jitter: 1, resetAfterMillis: 120_000 };
const watchMinSeconds = 300;
/** Bookmarks come about once a minute; nothing for this long means that the connection is dead. */
export const watchSilenceMaxMillis = 130_000;
/** A watch that ended sooner and brought no news counts as a failure, or a server that closes (or repeats itself) at once makes us spin. */
const watchTooShortMillis = 1_000;

export class Reflector<T extends KubeObject> {
  readonly #options: ReflectorOptions<T>;
  readonly #backoff: Backoff;
  readonly #stopping = new AbortController();
  readonly #running: Promise<void>;
  #lastContact: number | undefined;
  #watchEndedMillis: number | undefined;

  /** Starts at once. */
  constructor(options: ReflectorOptions<T>) {
    this.#options = options;
    this.#backoff = createBackoff(backoffTiming, options.clock, options.random);
    this.#running = this.#run();
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    await this.#running;
  }

  /** Clock.now() of the last sign of life from the API server. */
  lastContactMillis(): number | undefined {
    return this.#lastContact;
  }

  async #run(): Promise<void> {
    const { scope, observer } = this.#options;
    /** What the next LIST must be at least as new as ('' = a consistent read); undefined: no LIST needed. */
    let listFrom: string | undefined = '';
    while (!this.#stopping.signal.aborted) {
      const stage: 'watch' | 'list' = listFrom === undefined ? 'watch' : 'list';
      try {
        if (listFrom === undefined) await this.#watch();
        else await this.#list(listFrom);
        listFrom = undefined;
      } catch (error) {
        if (this.#stopping.signal.aborted) return;
        observer.failed({ stage, error });
        const historyLost = isGone(error) || isTooLargeResourceVersion(error);
        if (historyLost && stage === 'watch') listFrom = scope.resourceVersion() ?? '';
        else if (historyLost) listFrom = '';
        await this.#pause(error);
      }
    }
  }

  #pause(error: unknown): Promise<void> {
    const retryAfter = error instanceof ApiError ? (error.retryAfterMillis ?? 0) : 0;
    const millis = Math.max(retryAfter, this.#backoff.nextMillis());
    return sleep(this.#options.clock, millis, this.#stopping.signal);
  }

  async #list(atLeast: string): Promise<void> {
    const { clock, client, resource, namespace, scope, observer, pageSize, onListed } = this.#options;
    const started = clock.now();
    const version =
      atLeast === '' ? {} : { resourceVersion: atLeast, resourceVersionMatch: 'NotOlderThan' as const };
    const query = { namespace, limit: pageSize, ...version };
    const page = await listAll<KubeObject>(client, resource, query, { signal: this.#stopping.signal });
    this.#lastContact = clock.now();
    const items = page.items.map((raw) => this.#convert(raw)).filter((item) => item !== undefined);
    if (scope.replace(items, page.resourceVersion, atLeast === '') === 'stale') {
      throw new ApiError({ status: 410, reason: 'Expired', message: 'the list is older than what was seen' });
    }
    observer.listed({ items: items.length, durationMillis: clock.now() - started });
    onListed();
  }

  async #watch(): Promise<void> {
    const { clock, random, client, resource, namespace, scope, observer } = this.#options;
    const controller = new AbortController();
    const abort = (): void => controller.abort();
    this.#stopping.signal.addEventListener('abort', abort, { once: true });
    const timeoutSeconds = watchMinSeconds + Math.floor(random() * (watchMinSeconds + 1));
    const query = { namespace, resourceVersion: scope.resourceVersion() ?? '0', timeoutSeconds };
    let cancelWatchdog: (() => void) | undefined;
    try {
      const lines = await client.watch(resource, query, controller.signal);
      const started = clock.now();
      this.#lastContact = started;
      observer.watchStarted({ gapMillis: started - (this.#watchEndedMillis ?? started) });
      this.#watchEndedMillis = undefined;
      cancelWatchdog = startWatchdog(clock, () => this.#lastContact ?? started, abort);
      let news = 0;
      for await (const line of lines) {
        this.#lastContact = clock.now();
        if (this.#take(parseEvent(line))) news += 1;
      }
      if (news === 0 && clock.now() - started < watchTooShortMillis)
        throw new Error('the watch ended at once and brought nothing new');
    } finally {
      this.#watchEndedMillis ??= clock.now();
      cancelWatchdog?.();
      abort();
      this.#stopping.signal.removeEventListener('abort', abort);
    }
  }

  /** True when it was news of an object. */
  #take(event: WatchEvent): boolean {
    const { scope } = this.#options;
    switch (event.type) {
      case 'BOOKMARK':
        scope.bookmark(event.object.metadata.resourceVersion);
        return false;
      case 'ERROR':
        throw apiErrorFromStatus(event.object);
      case 'ADDED':
      case 'MODIFIED':
      case 'DELETED': {
        // Most events are echoes of our own writes: not worth reading twice.
        const isEcho = event.type !== 'DELETED' && scope.isKnown(event.object.metadata);
        const object = isEcho ? undefined : this.#convert(event.object);
        return object === undefined ? scope.leaveOut(event.object) : scope.apply(event.type, object);
      }
      default:
        // A kind of event that this version of us does not know.
        return false;
    }
  }

  #convert(raw: KubeObject): T | undefined {
    try {
      const { scope, transform } = this.#options;
      return transform(withoutNoise(raw), scope.get(keyOf(raw.metadata)));
    } catch (error) {
      this.#options.observer.failed({ stage: 'object', error });
      return undefined;
    }
  }
}

/** Looks at the time of the last contact instead of moving a timer with every event. */
function startWatchdog(clock: Clock, lastContactMillis: () => number, cut: () => void): () => void {
  const look = (): void => {
    const remaining = lastContactMillis() + watchSilenceMaxMillis - clock.now();
    if (remaining <= 0) cut();
    else cancel = clock.schedule(remaining, look);
  };
  let cancel = clock.schedule(watchSilenceMaxMillis, look);
  return () => cancel();
}

type WatchEvent =
  | { readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK'; readonly object: KubeObject }
  | { readonly type: 'ERROR'; readonly object: unknown };

function parseEvent(line: string): WatchEvent {
  try {
    const event: WatchEvent = JSON.parse(line);
    return event;
  } catch (error) {
    throw new ApiError(
      { status: 0, reason: 'BrokenAnswer', message: 'a watch line is not JSON' },
      { cause: error },
    );
  }
}

const lastApplied = 'kubectl.kubernetes.io/last-applied-configuration';

/** managedFields alone are half of a small object's heap; nobody here reads either of the two. */
function withoutNoise(raw: KubeObject): KubeObject {
  const { managedFields: _fields, annotations, ...metadata } = raw.metadata;
  if (annotations === undefined) return { ...raw, metadata };
  const { [lastApplied]: _applied, ...kept } = annotations;
  return { ...raw, metadata: { ...metadata, annotations: kept } };
}
