import { monitorEventLoopDelay } from 'node:perf_hooks';
import { ensureError } from './errors.ts';
import { withTimeout } from './timing.ts';

/**
 * Health of this process. Three questions, three answers: is everything we depend on well (`document`), should requests be sent here
 * (`ready`), is the process itself stuck (`alive`: the event loop only; a broker that is down must never get pods restarted).
 */

export interface HealthCheck {
  /** database | cache | broker */
  readonly name: string;
  /** Default 1000. */
  readonly timeoutMillis?: number;
  /** Default false. True for what no request can be served without: while it fails, readiness is refused. */
  readonly gatesReadiness?: boolean;
  /** Resolves when well. Has to make a round trip. */
  check(timeoutMillis: number): Promise<void>;
}

export interface CheckResult {
  readonly status: 'healthy' | 'degraded';
  readonly latencyMillis: number;
  /** Since when it has had this status (RFC 3339). */
  readonly since: string;
  /** Why it is degraded; a short code or a kind of error, without addresses or names. */
  readonly reason?: string;
}

export interface HealthDocument {
  readonly status: 'healthy' | 'degraded';
  readonly checks: Readonly<Record<string, CheckResult>>;
  readonly version: string;
  /** Seconds since the process started. */
  readonly uptime: number;
}

export interface Health {
  document(): Promise<HealthDocument>;
  ready(): Promise<{ readonly ready: boolean; readonly reason: string }>;
  alive(): { readonly alive: boolean; readonly eventLoopDelayMillis: number };
  /** Readiness is refused until this was called ... */
  setStarted(): void;
  /** ... and again from here on. */
  setDraining(): void;
  readonly draining: boolean;
  close(): void;
}

export interface HealthOptions {
  readonly version: string;
  readonly checks: readonly HealthCheck[];
  /** Wall clock in milliseconds. */
  readonly now?: () => number;
}

/** How long a result is served again: many probes cost one round trip a second. */
const cachedMillis = 1_000;
const defaultTimeoutMillis = 1_000;

/** Half of all turns of the loop take longer than this: the process is stuck, not busy. */
const stuckDelayMillis = 5_000;

/** `ECONNREFUSED` and the like tell enough; the text of an error may hold addresses and user names, and this document is public. */
function reasonOf(thrown: unknown): string {
  const error = ensureError(thrown);
  const code: unknown = 'code' in error ? error.code : undefined;
  return typeof code === 'string' && /^[A-Za-z0-9_]{1,40}$/.test(code) ? code : 'NoAnswer';
}

class CachedCheck {
  readonly #check: HealthCheck;
  readonly #now: () => number;
  #atMillis = Number.NEGATIVE_INFINITY;
  #running: Promise<CheckResult> | undefined;
  #last: CheckResult | undefined;

  constructor(check: HealthCheck, now: () => number) {
    this.#check = check;
    this.#now = now;
  }

  get name(): string {
    return this.#check.name;
  }

  get gatesReadiness(): boolean {
    return this.#check.gatesReadiness ?? false;
  }

  async result(): Promise<CheckResult> {
    if (this.#last !== undefined && this.#now() - this.#atMillis < cachedMillis) return this.#last;
    this.#running ??= this.#run().finally(() => (this.#running = undefined));
    return this.#running;
  }

  async #run(): Promise<CheckResult> {
    const timeoutMillis = this.#check.timeoutMillis ?? defaultTimeoutMillis;
    const beganMillis = this.#now();
    let reason: string | undefined;
    try {
      await withTimeout(this.#check.check(timeoutMillis), timeoutMillis, 'no answer in time');
    } catch (error) {
      reason = reasonOf(error);
    }
    const endedMillis = this.#now();
    const status = reason === undefined ? 'healthy' : 'degraded';
    const since = this.#last?.status === status ? this.#last.since : new Date(endedMillis).toISOString();
    this.#atMillis = endedMillis;
    this.#last = {
      status,
      latencyMillis: endedMillis - beganMillis,
      since,
      ...(reason === undefined ? {} : { reason }),
    };
    return this.#last;
  }
}

export function createHealth(options: HealthOptions): Health {
  const now = options.now ?? Date.now;
  const checks = options.checks.map((check) => new CachedCheck(check, now));
  const startedMillis = now();
  const loop = monitorEventLoopDelay({ resolution: 50 });
  loop.enable();
  let phase: 'starting' | 'serving' | 'draining' = 'starting';

  return {
    get draining() {
      return phase === 'draining';
    },
    async document() {
      const results = await Promise.all(
        checks.map(async (check) => [check.name, await check.result()] as const),
      );
      const well = results.every(([, result]) => result.status === 'healthy');
      return {
        status: well ? 'healthy' : 'degraded',
        checks: Object.fromEntries(results),
        version: options.version,
        uptime: Math.floor((now() - startedMillis) / 1_000),
      };
    },
    async ready() {
      if (phase !== 'serving') return { ready: false, reason: phase };
      for (const check of checks.filter((one) => one.gatesReadiness)) {
        const { status } = await check.result();
        if (status !== 'healthy') return { ready: false, reason: `${check.name} is ${status}` };
      }
      return { ready: true, reason: 'serving' };
    },
    alive() {
      const median = loop.percentile(50) / 1e6;
      loop.reset();
      const eventLoopDelayMillis = Number.isFinite(median) ? Math.round(median) : 0;
      return { alive: eventLoopDelayMillis < stuckDelayMillis, eventLoopDelayMillis };
    },
    setStarted() {
      if (phase === 'starting') phase = 'serving';
    },
    setDraining() {
      phase = 'draining';
    },
    close: () => loop.disable(),
  };
}
