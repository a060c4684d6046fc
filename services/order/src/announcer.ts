import type { Db } from '@sagamesh/kit/db';
import type { Outbox } from '@sagamesh/kit/outbox';
import { systemClock, type Clock } from '@sagamesh/runtime/clock';
import { lockDueAnnouncements, noteAnnouncement } from './order-store.ts';

/**
 * Says `order.created` again for every PENDING order that no saga has claimed: the row is the truth, the event a hint that may be lost.
 * Same event id each time; a claim or a cancellation ends it.
 */

export interface AnnouncementPace {
  /** From the order's arrival to the first repetition; doubled for each further one. */
  readonly afterMillis: number;
  readonly maxMillis: number;
}

/** Pause after the n-th repetition (n from 1). */
export function pauseMillis(repetitions: number, { afterMillis, maxMillis }: AnnouncementPace): number {
  return Math.min(afterMillis * 2 ** repetitions, maxMillis);
}

const batchMax = 100;

/** Announces what is due by the database's clock, at most 100 orders; answers how many. */
export async function announceDue(db: Db, outbox: Outbox, pace: AnnouncementPace): Promise<number> {
  return db.tx(async (tx) => {
    const due = await lockDueAnnouncements(tx, batchMax);
    for (const { record, announcements } of due) {
      await noteAnnouncement(tx, record.order.id, pauseMillis(announcements + 1, pace));
    }
    const eventIds = due.flatMap(({ record }) => record.order.sourceEventId ?? []);
    if (eventIds.length > 0) await outbox.resend(tx, eventIds);
    return due.length;
  });
}

/** Looks every `everyMillis`; at once again while there is a full batch. A failed look is reported and the next one tries again. */
export function startAnnouncer(options: {
  readonly db: Db;
  readonly outbox: Outbox;
  readonly pace: AnnouncementPace;
  readonly everyMillis: number;
  readonly onError: (error: unknown) => void;
  /** Only tells when to look, never what is due. */
  readonly clock?: Pick<Clock, 'schedule'>;
}): { stop(): Promise<void> } {
  const { db, outbox, pace, everyMillis, onError, clock = systemClock } = options;
  const ended = new AbortController();
  let looking: Promise<void> | undefined;
  const look = async (): Promise<void> => {
    try {
      let announced = batchMax;
      while (announced === batchMax && !ended.signal.aborted) {
        announced = await announceDue(db, outbox, pace);
      }
    } catch (error) {
      onError(error);
    }
  };
  const tick = () => {
    cancel = clock.schedule(everyMillis, tick);
    looking ??= look().finally(() => (looking = undefined));
  };
  let cancel = clock.schedule(everyMillis, tick);
  return {
    async stop() {
      ended.abort();
      cancel();
      await looking;
    },
  };
}
