/**
 * Tells the story of an object as Events, without ever getting in the way: record() neither throws nor waits, and what cannot be delivered
 * is dropped and counted. Semantics and numbers: KEP-383, client-go tools/events/event_broadcaster.go.
 */
import { ApiError, isAlreadyExists, isNotFound, isTransient } from './api-error.ts';
import type { KubeClient } from './client.ts';
import { type Clock, type Random, sleep, systemClock } from './clock.ts';
import {
  type EventInput,
  eventBody,
  eventKey,
  eventName,
  eventNamespace,
  seriesBody,
} from './event-object.ts';
import type { KubeObject, ResourceType } from './kube-object.ts';

export type RecorderObserver = {
  sent(): void;
  dropped(reason: 'queue_full' | 'refused' | 'retries_exhausted', error?: unknown): void;
};

export type EventRecorder = {
  record(event: EventInput): void;
  /** Sends what is queued and the last counts of running series, but no longer than this. */
  stop(timeoutMillis: number): Promise<void>;
};

export type EventRecorderOptions = {
  /** With a limiter of its own, so that Events never delay other writes. */
  readonly client: KubeClient;
  /** A qualified name: 'sagamesh.dev/operator'. */
  readonly reportingController: string;
  readonly reportingInstance: string;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly observer?: RecorderObserver;
};

const events: ResourceType = { group: 'events.k8s.io', version: 'v1', plural: 'events' };
const queueMax = 1_000;
/** Keys that may still become a series. Beyond it the oldest are forgotten: their next occurrence is a new Event. */
const knownMax = 10_000;
const sendersCount = 4;
const triesMax = 12;
const retryMillis = 10_000;
const sweepMillis = 60_000;
const seriesSilenceMillis = 6 * 60_000;
const heartbeatMillis = 30 * 60_000;

/** One Event object: how often it occurred and how much of that the API server knows. */
type Entry = {
  readonly event: EventInput;
  readonly firstWallMillis: number;
  name: string;
  count: number;
  storedCount: number;
  lastWallMillis: number;
  /** Clock.now() of the last occurrence and of the last successful write. */
  lastMillis: number;
  sentMillis: number;
  isQueued: boolean;
};

export function createEventRecorder(options: EventRecorderOptions): EventRecorder {
  return new SeriesRecorder(options);
}

class SeriesRecorder implements EventRecorder {
  readonly #options: EventRecorderOptions;
  readonly #clock: Clock;
  readonly #random: Random;
  readonly #known = new Map<string, Entry>();
  readonly #queue: Entry[] = [];
  readonly #giveUp = new AbortController();
  #senders = 0;
  #isStopping = false;
  #cancelSweep: (() => void) | undefined;
  #onIdle: (() => void) | undefined;

  constructor(options: EventRecorderOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? Math.random;
  }

  record(event: EventInput): void {
    if (this.#isStopping) return;
    const key = eventKey(event);
    const entry = this.#known.get(key);
    const now = this.#clock.now();
    const wall = this.#clock.wallMillis();
    if (entry !== undefined && now - entry.lastMillis < seriesSilenceMillis) {
      entry.count += 1;
      entry.lastMillis = now;
      entry.lastWallMillis = wall;
      // The second occurrence opens the series; later ones are counted here until the heartbeat.
      if (entry.count === 2) this.#enqueue(entry);
      return;
    }
    const fresh: Entry = {
      event,
      firstWallMillis: wall,
      name: eventName(event, wall, this.#random()),
      count: 1,
      storedCount: 0,
      lastWallMillis: wall,
      lastMillis: now,
      sentMillis: now,
      isQueued: false,
    };
    if (!this.#enqueue(fresh)) return;
    this.#known.delete(key);
    this.#known.set(key, fresh);
    const oldest = this.#known.size > knownMax ? this.#known.keys().next().value : undefined;
    if (oldest !== undefined) this.#known.delete(oldest);
    this.#cancelSweep ??= this.#clock.schedule(sweepMillis, () => this.#sweep());
  }

  async stop(timeoutMillis: number): Promise<void> {
    this.#isStopping = true;
    this.#cancelSweep?.();
    for (const entry of this.#known.values()) if (entry.count > entry.storedCount) this.#enqueue(entry);
    const idle = new Promise<void>((resolve) => {
      this.#onIdle = resolve;
      if (this.#senders === 0) resolve();
    });
    const waiting = new AbortController();
    await Promise.race([idle, sleep(this.#clock, timeoutMillis, waiting.signal)]);
    waiting.abort();
    this.#giveUp.abort();
    await idle;
  }

  #enqueue(entry: Entry): boolean {
    if (entry.isQueued) return true;
    if (this.#queue.length >= queueMax) {
      this.#options.observer?.dropped('queue_full');
      return false;
    }
    entry.isQueued = true;
    this.#queue.push(entry);
    if (this.#senders < sendersCount) void this.#sendAll();
    return true;
  }

  async #sendAll(): Promise<void> {
    this.#senders += 1;
    for (let entry = this.#queue.shift(); entry !== undefined; entry = this.#queue.shift()) {
      await this.#send(entry);
      entry.isQueued = false;
      if (this.#isDueAgain(entry)) this.#enqueue(entry);
    }
    this.#senders -= 1;
    if (this.#senders === 0) this.#onIdle?.();
  }

  /** It became a series while it was being sent, or counted on while the last counts are collected. */
  #isDueAgain(entry: Entry): boolean {
    if (entry.count <= entry.storedCount) return false;
    return entry.storedCount === 1 || (this.#isStopping && !this.#giveUp.signal.aborted);
  }

  /** Never rejects. */
  async #send(entry: Entry): Promise<void> {
    for (let tries = 1; !this.#giveUp.signal.aborted; tries += 1) {
      try {
        await this.#write(entry);
        entry.sentMillis = this.#clock.now();
        this.#options.observer?.sent();
        return;
      } catch (error) {
        if (!isTransient(error)) return this.#drop(entry, 'refused', error);
        if (tries >= triesMax) return this.#drop(entry, 'retries_exhausted', error);
        // The first wait is random, so that many operators do not come back together (client-go).
        const ownMillis = tries === 1 ? retryMillis * this.#random() : retryMillis;
        const saidMillis = error instanceof ApiError ? (error.retryAfterMillis ?? 0) : 0;
        await sleep(this.#clock, Math.max(ownMillis, saidMillis), this.#giveUp.signal);
      }
    }
  }

  async #write(entry: Entry): Promise<void> {
    const { client, ...source } = this.#options;
    const namespace = eventNamespace(entry.event);
    const count = entry.count;
    const series = count > 1 ? { count, lastWallMillis: entry.lastWallMillis } : undefined;
    const call = { signal: this.#giveUp.signal };
    if (entry.storedCount > 0 && series !== undefined) {
      try {
        await client.mergePatch<KubeObject>(
          events,
          { namespace, name: entry.name },
          { series: seriesBody(series) },
          call,
        );
        entry.storedCount = count;
        return;
      } catch (error) {
        // Events expire after an hour at the server: begin a new one.
        if (!isNotFound(error)) throw error;
        entry.name = eventName(entry.event, this.#clock.wallMillis(), this.#random());
      }
    }
    const body = eventBody(entry.event, source, entry.name, entry.firstWallMillis, series);
    try {
      await client.create<KubeObject>(events, namespace, body, call);
      entry.storedCount = count;
    } catch (error) {
      // An earlier try got through and only its answer was lost.
      if (!isAlreadyExists(error)) throw error;
      entry.storedCount = 1;
    }
  }

  #drop(entry: Entry, reason: 'refused' | 'retries_exhausted', error: unknown): void {
    const key = eventKey(entry.event);
    if (this.#known.get(key) === entry) this.#known.delete(key);
    entry.storedCount = entry.count;
    this.#options.observer?.dropped(reason, error);
  }

  /** Closes what has been silent, with its last count; keeps the count of long series fresh. */
  #sweep(): void {
    const now = this.#clock.now();
    for (const [key, entry] of this.#known) {
      const isSilent = now - entry.lastMillis >= seriesSilenceMillis;
      const isDue = isSilent || now - entry.sentMillis >= heartbeatMillis;
      if (isDue && entry.count > entry.storedCount) this.#enqueue(entry);
      if (isSilent) this.#known.delete(key);
    }
    this.#cancelSweep =
      this.#known.size === 0 ? undefined : this.#clock.schedule(sweepMillis, () => this.#sweep());
  }
}
