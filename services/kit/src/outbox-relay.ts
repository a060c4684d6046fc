import { Gauge } from 'prom-client';
import type { DomainEvent } from '@sagamesh/contracts/domain-events';
import { deadLetterReasons } from '@sagamesh/contracts/reasons';
import { eventSubject, headerNames } from '@sagamesh/contracts/subjects';
import type { Broker } from '@sagamesh/runtime/broker';
import { systemClock, type Clock } from '@sagamesh/runtime/clock';
import { sendDeadLetter } from '@sagamesh/runtime/dead-letters';
import { ensureError, TerminalError } from '@sagamesh/runtime/errors';
import type { Logger } from '@sagamesh/runtime/logger';
import type { Metrics } from '@sagamesh/runtime/metrics';
import type { Db, SessionLock } from './db.ts';
import type { Outbox } from './outbox.ts';

/**
 * Publishes what the outbox holds: at least once, in the order of writing within one aggregate, different aggregates side by side. State is
 * kept per row, because a remembered position loses rows (a number is drawn before its transaction commits). One relay per database works
 * at a time; the others wait for its lock. Polling is the guarantee, the commit's nudge only makes it fast.
 */

export interface OutboxRelay {
  /** Finishes what is being published, then frees the lock. */
  stop(): Promise<void>;
}

export interface OutboxRelayOptions {
  /** Its dead letters are where events go that can never be published. */
  readonly service: string;
  readonly db: Db;
  readonly broker: Broker;
  readonly outbox: Outbox;
  readonly logger: Logger;
  readonly metrics?: Metrics;
  /** Default 500. */
  readonly pollMillis?: number;
  readonly clock?: Clock;
}

const lockName = 'sagamesh/outbox-relay';
const batchMax = 256;
const inFlightMax = 64;
const standbyMillis = 2_000;
const failureMillis = { first: 500, max: 5_000 };
const purgeEveryMillis = 3_600_000;

interface OutboxRow {
  readonly seq: number;
  readonly event_id: string;
  readonly event_type: string;
  readonly aggregate_id: string;
  readonly event: DomainEvent;
  readonly correlation_id: string | null;
  readonly traceparent: string | null;
  readonly resends: number;
}

/** The same for a send that a crash makes twice, another for one that was asked for again: the broker drops what it knows. */
function messageIdOf({ event_id, resends }: Pick<OutboxRow, 'event_id' | 'resends'>): string {
  return resends === 0 ? event_id : `${event_id}/${resends}`;
}

function headersOf({ correlation_id, traceparent }: OutboxRow): Readonly<Record<string, string>> {
  return {
    ...(correlation_id === null ? {} : { [headerNames.correlationId]: correlation_id }),
    ...(traceparent === null ? {} : { [headerNames.traceparent]: traceparent }),
  };
}

/** Rows of one aggregate, in order; the aggregates in the order of their first row. */
function byAggregate<T extends { readonly aggregate_id: string }>(
  rows: readonly T[],
): readonly (readonly T[])[] {
  const lanes = new Map<string, T[]>();
  for (const row of rows) {
    const lane = lanes.get(row.aggregate_id);
    if (lane === undefined) lanes.set(row.aggregate_id, [row]);
    else lane.push(row);
  }
  return [...lanes.values()];
}

/** A sleep that can be ended early, also before it began. */
class Bell {
  private readonly clock: Clock;
  private rung = false;
  private wake: (() => void) | undefined;

  constructor(clock: Clock) {
    this.clock = clock;
  }

  ring(): void {
    this.rung = true;
    this.wake?.();
  }

  async wait(millis: number): Promise<void> {
    if (!this.rung) {
      await new Promise<void>((resolve) => {
        const cancel = this.clock.schedule(millis, resolve);
        this.wake = () => {
          cancel();
          resolve();
        };
      });
    }
    this.wake = undefined;
    this.rung = false;
  }
}

class Relay implements OutboxRelay {
  private readonly options: OutboxRelayOptions;
  private readonly clock: Clock;
  private readonly bell: Bell;
  private readonly unsubscribe: () => void;
  private readonly running: Promise<void>;
  private lock: SessionLock | undefined;
  private stopped = false;
  private failures = 0;
  private purgedAtMillis: number | undefined;

  constructor(options: OutboxRelayOptions) {
    this.options = options;
    this.clock = options.clock ?? systemClock;
    this.bell = new Bell(this.clock);
    this.unsubscribe = options.outbox.onWritten(() => this.bell.ring());
    this.running = this.run();
  }

  async stop(): Promise<void> {
    this.stopped = true;
    this.unsubscribe();
    this.bell.ring();
    await this.running;
    await this.lock?.release();
  }

  private async run(): Promise<void> {
    while (!this.stopped) {
      let waitMillis: number;
      try {
        waitMillis = await this.round();
      } catch (thrown) {
        waitMillis = this.backoff(ensureError(thrown));
      }
      if (waitMillis > 0 && !this.stopped) await this.bell.wait(waitMillis);
    }
  }

  /** Answers how long to wait before the next one. */
  private async round(): Promise<number> {
    if (this.lock?.held() !== true) {
      this.lock = await this.options.db.tryLock(lockName);
      if (this.lock === undefined) return standbyMillis;
    }
    await this.purge();
    const rows = await this.fetch();
    const { settled, error } = await this.publishAll(rows);
    if (settled.length > 0)
      await this.options.db.query('update outbox set published_at = now() where seq = any($1::bigint[])', [
        settled,
      ]);
    if (error !== undefined) return this.backoff(error);
    this.failures = 0;
    return rows.length === batchMax ? 0 : (this.options.pollMillis ?? 500);
  }

  private async fetch(): Promise<readonly OutboxRow[]> {
    const { rows } = await this.options.db.query<OutboxRow>(
      `select seq, event_id, event_type, aggregate_id, event, correlation_id, traceparent, resends
       from outbox where published_at is null order by seq limit ${batchMax}`,
    );
    return rows;
  }

  /** An aggregate stops at its first failure, so that its order holds; the others go on. `settled`: stored by the broker, one way or the other. */
  private async publishAll(
    rows: readonly OutboxRow[],
  ): Promise<{ settled: number[]; error: Error | undefined }> {
    const lanes = [...byAggregate(rows)];
    const settled: number[] = [];
    let error: Error | undefined;
    const worker = async () => {
      for (let lane = lanes.shift(); lane !== undefined; lane = lanes.shift()) {
        try {
          for (const row of lane) {
            await this.settle(row);
            settled.push(row.seq);
          }
        } catch (thrown) {
          error = ensureError(thrown);
          // The rest waits for the next process: a broker that is away would cost its time-out for each of them.
          if (this.stopped) return;
        }
      }
    };
    await Promise.all(Array.from({ length: Math.min(inFlightMax, lanes.length) }, worker));
    return { settled, error };
  }

  /** An event that can never be published goes to the dead letters: it would hold up its aggregate for ever. */
  private async settle(row: OutboxRow): Promise<void> {
    try {
      await this.publish(row);
    } catch (thrown) {
      if (!(thrown instanceof TerminalError)) throw thrown;
      await this.bury(row, thrown);
    }
  }

  private async bury(row: OutboxRow, error: TerminalError): Promise<void> {
    const { service, broker, logger } = this.options;
    const headers = headersOf(row);
    await sendDeadLetter(
      broker,
      {
        service,
        reason: deadLetterReasons.Refused,
        message: error.message,
        subject: eventSubject(row.event_type),
        body: new TextEncoder().encode(JSON.stringify(row.event)),
      },
      { get: (name) => headers[name] },
    );
    const { event_id: eventId, event_type: eventType, aggregate_id: aggregateId, correlation_id } = row;
    const correlationId = correlation_id ?? undefined;
    logger.error(
      { err: error, correlationId, eventId, eventType, aggregateId },
      'an event that cannot be published was put among the dead letters',
    );
  }

  private async publish(row: OutboxRow): Promise<void> {
    await this.options.broker.publish({
      subject: eventSubject(row.event_type),
      body: row.event,
      messageId: messageIdOf(row),
      headers: headersOf(row),
    });
  }

  private backoff(error: Error): number {
    this.failures += 1;
    this.options.logger.warn({ err: error, failures: this.failures }, 'events wait in the outbox');
    return Math.min(failureMillis.max, failureMillis.first * 2 ** (this.failures - 1));
  }

  /** Kept for seven days after publishing, as long as the stream keeps them: so an event can be sent again (`Outbox.resend`). */
  private async purge(): Promise<void> {
    const nowMillis = this.clock.now();
    if (this.purgedAtMillis !== undefined && nowMillis - this.purgedAtMillis < purgeEveryMillis) return;
    await this.options.db.query(`delete from outbox where published_at < now() - interval '7 days'`);
    this.purgedAtMillis = nowMillis;
  }
}

/** Read at scrape time. Without the database there is nothing to say: the last value stays, and the health check tells. */
function addGauge(db: Db, { registry }: Metrics, name: string, help: string, expression: string): void {
  const gauge = new Gauge({
    name,
    help,
    registers: [registry],
    async collect() {
      const { rows } = await db
        .query<{ value: number }>(`select ${expression} as value from outbox where published_at is null`)
        .catch(() => ({ rows: [] }));
      for (const row of rows) gauge.set(row.value);
    },
  });
}

function addGauges(db: Db, metrics: Metrics): void {
  const age = 'coalesce(extract(epoch from now() - min(written_at)), 0)::float8';
  addGauge(
    db,
    metrics,
    'outbox_lag_seconds',
    'Age of the oldest event that is not published; 0 when none.',
    age,
  );
  addGauge(db, metrics, 'outbox_unpublished', 'Events that are not published yet.', 'count(*)::int');
}

export function startOutboxRelay(options: OutboxRelayOptions): OutboxRelay {
  if (options.metrics !== undefined) addGauges(options.db, options.metrics);
  return new Relay(options);
}
