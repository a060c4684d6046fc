/**
 * Leader election by one Lease. A leader knows by its own monotonic clock when it must stop, before anybody else may start:
 * renewDeadline < leaseDuration. Leadership is no fence (a paused process may act late): ask `stillLeading` before each external effect,
 * and let the receivers fence.
 */
import { isConflict, isNotFound } from './api-error.ts';
import type { KubeClient } from './client.ts';
import { type Clock, type Random, sleep, systemClock } from './clock.ts';
import type { ResourceType } from './kube-object.ts';
import {
  type Lease,
  type LeaseSpec,
  type ObservedLease,
  heldLeaseSpec,
  isHeldByAnother,
  observeLease,
  releasedLeaseSpec,
} from './lease.ts';

export type ElectionTiming = {
  readonly leaseDurationMillis: number;
  readonly renewDeadlineMillis: number;
  readonly retryPeriodMillis: number;
};

export type ElectorObserver = {
  leadershipChanged(isLeader: boolean): void;
  attemptFailed(error: unknown): void;
};

export type ElectorOptions = {
  /** On the 'reserved' lane, without a limiter: a renewal must not wait behind anything. */
  readonly client: KubeClient;
  readonly namespace: string;
  readonly name: string;
  /** Unique per process. */
  readonly identity: string;
  readonly timing?: Partial<ElectionTiming>;
  /** Once, when leadership was held and is gone. The process must end: what it has in memory may be outdated. */
  readonly onLost: (reason: string) => void;
  readonly clock?: Clock;
  readonly random?: Random;
  readonly observer?: ElectorObserver;
};

export type Elector = {
  start(): void;
  isLeader(): boolean;
  /** False when stopped or aborted first. */
  waitUntilLeader(signal?: AbortSignal): Promise<boolean>;
  /** Aborted when leadership is lost or given up. */
  readonly signal: AbortSignal;
  /** Ask right before each external effect. The default is the clock's now(). */
  stillLeading(nowMillis?: number): boolean;
  leaseTransitions(): number;
  /** Gives the Lease back when leading. Call it when the workers are idle. */
  stop(): Promise<void>;
};

/** client-go's defaults: a killed leader costs at most 15 s. */
const defaultTiming: ElectionTiming = {
  leaseDurationMillis: 15_000,
  renewDeadlineMillis: 10_000,
  retryPeriodMillis: 2_000,
};
const jitterFactor = 1.2;
const leases: ResourceType = { group: 'coordination.k8s.io', version: 'v1', plural: 'leases' };

export function createElector(options: ElectorOptions): Elector {
  return new LeaseElector(options);
}

class LeaseElector implements Elector {
  readonly #options: ElectorOptions;
  readonly #timing: ElectionTiming;
  readonly #clock: Clock;
  readonly #stopping = new AbortController();
  readonly #ended = new AbortController();
  readonly #waiters = new Set<() => void>();
  #observed: ObservedLease | undefined;
  /** When the last successful attempt began; undefined unless leading. */
  #renewedMillis: number | undefined;
  #running: Promise<void> | undefined;
  #cancelDeadline: (() => void) | undefined;

  constructor(options: ElectorOptions) {
    this.#options = options;
    this.#clock = options.clock ?? systemClock;
    this.#timing = { ...defaultTiming, ...options.timing };
    const { leaseDurationMillis, renewDeadlineMillis, retryPeriodMillis } = this.#timing;
    if (
      leaseDurationMillis <= renewDeadlineMillis ||
      renewDeadlineMillis <= retryPeriodMillis * jitterFactor
    ) {
      throw new RangeError('election timing: leaseDuration > renewDeadline > retryPeriod x 1.2 must hold');
    }
  }

  get signal(): AbortSignal {
    return this.#ended.signal;
  }

  start(): void {
    this.#running ??= this.#run();
  }

  isLeader(): boolean {
    return this.#renewedMillis !== undefined;
  }

  stillLeading(nowMillis: number = this.#clock.now()): boolean {
    return (
      this.#renewedMillis !== undefined && nowMillis - this.#renewedMillis < this.#timing.renewDeadlineMillis
    );
  }

  leaseTransitions(): number {
    return this.#observed?.lease.spec?.leaseTransitions ?? 0;
  }

  waitUntilLeader(signal?: AbortSignal): Promise<boolean> {
    return new Promise((resolve) => {
      const look = (): void => {
        const over = this.#ended.signal.aborted || this.#stopping.signal.aborted || signal?.aborted === true;
        if (!this.isLeader() && !over) return;
        this.#waiters.delete(look);
        signal?.removeEventListener('abort', look);
        resolve(this.isLeader() && !over);
      };
      this.#waiters.add(look);
      signal?.addEventListener('abort', look);
      look();
    });
  }

  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#wake();
    await this.#running;
    if (!this.isLeader()) return;
    this.#end();
    const released = releasedLeaseSpec(this.#observed?.lease.spec, this.#clock.wallMillis());
    // Failing here only makes the next leader wait for the expiry.
    await this.#write(released).catch((error: unknown) => this.#options.observer?.attemptFailed(error));
  }

  async #run(): Promise<void> {
    const { retryPeriodMillis } = this.#timing;
    const random = this.#options.random ?? Math.random;
    while (!this.#isOver()) {
      await this.#attempt();
      // Candidates spread out; a leader renews at a steady pace.
      const stretch = this.isLeader() ? 1 : 1 + jitterFactor * random();
      if (!this.#isOver()) await sleep(this.#clock, retryPeriodMillis * stretch, this.#stopping.signal);
    }
  }

  #isOver(): boolean {
    return this.#stopping.signal.aborted || this.#ended.signal.aborted;
  }

  async #attempt(): Promise<void> {
    const sentMillis = this.#clock.now();
    if (this.isLeader() && !this.stillLeading(sentMillis)) return this.#lose('the renew deadline passed');
    try {
      if (await this.#acquireOrRenew()) this.#hold(sentMillis);
    } catch (error) {
      this.#options.observer?.attemptFailed(error);
    }
  }

  /** True when the Lease is ours from now on. */
  async #acquireOrRenew(): Promise<boolean> {
    const { client, namespace, name, identity } = this.#options;
    if (this.isLeader() && this.#observed !== undefined) {
      try {
        await this.#write(this.#held());
        return true;
      } catch (error) {
        // Somebody wrote it (perhaps we ourselves, and the answer got lost) or deleted it: look.
        if (!isConflict(error) && !isNotFound(error)) throw error;
      }
    }
    const lease = await client
      .get<Lease>(leases, { namespace, name }, this.#call())
      .catch((error: unknown) => (isNotFound(error) ? undefined : Promise.reject(error)));
    // Looking may have taken longer than we may lead, or until we were stopped.
    if (this.#isOver()) return false;
    if (lease !== undefined) this.#observed = observeLease(this.#observed, lease, this.#clock.now());
    const holder = lease?.spec?.holderIdentity ?? '';
    if (this.isLeader() && holder !== '' && holder !== identity) {
      this.#lose(`the Lease is held by ${holder}`);
      return false;
    }
    // A deleted Lease frees nobody: its holder believes to lead until its next renewal, and makes it again.
    if (this.#observed !== undefined && isHeldByAnother(this.#observed, identity, this.#clock.now()))
      return false;
    if (lease === undefined) return this.#create();
    await this.#write(this.#held());
    return true;
  }

  async #create(): Promise<boolean> {
    const { client, namespace, name } = this.#options;
    const body = {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { name, namespace },
      spec: this.#held(),
    };
    const lease = await client.create<Lease>(leases, namespace, body, this.#call());
    this.#observed = observeLease(undefined, lease, this.#clock.now());
    return true;
  }

  /** PUT with the observed resourceVersion: of two that try, one gets 409. */
  async #write(spec: LeaseSpec): Promise<void> {
    const { client, namespace, name } = this.#options;
    if (this.#observed === undefined) return;
    const { managedFields: _fields, ...metadata } = this.#observed.lease.metadata;
    const body = { ...this.#observed.lease, metadata, spec };
    const lease = await client.update<Lease>(leases, { namespace, name }, body, this.#call());
    this.#observed = observeLease(this.#observed, lease, this.#clock.now());
  }

  #held(): LeaseSpec {
    const { leaseDurationMillis } = this.#timing;
    const previous = this.#observed?.lease.spec;
    return heldLeaseSpec(previous, this.#options.identity, leaseDurationMillis, this.#clock.wallMillis());
  }

  /** Half the deadline, so that one lost answer leaves time for a second try. */
  #call(): { readonly timeoutMillis: number } {
    return { timeoutMillis: Math.max(1_000, this.#timing.renewDeadlineMillis / 2) };
  }

  #hold(sentMillis: number): void {
    if (this.#ended.signal.aborted) return;
    const wasLeader = this.isLeader();
    this.#renewedMillis = sentMillis;
    this.#cancelDeadline?.();
    const remaining = sentMillis + this.#timing.renewDeadlineMillis - this.#clock.now();
    this.#cancelDeadline = this.#clock.schedule(Math.max(0, remaining), () =>
      this.#lose('the renew deadline passed'),
    );
    if (!wasLeader) {
      this.#options.observer?.leadershipChanged(true);
      this.#wake();
    }
  }

  #lose(reason: string): void {
    if (!this.isLeader()) return;
    this.#end();
    this.#options.onLost(reason);
  }

  #end(): void {
    this.#renewedMillis = undefined;
    this.#cancelDeadline?.();
    this.#ended.abort();
    this.#options.observer?.leadershipChanged(false);
    this.#wake();
  }

  #wake(): void {
    for (const look of this.#waiters) look();
  }
}
