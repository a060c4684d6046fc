import { ensureError, RetryableError, TerminalError } from '@sagamesh/runtime/errors';
import type { MailChannel, SmsChannel } from './channels.ts';
import type { NotifiedEvent } from './compose.ts';
import { composeNotifications } from './compose.ts';

/** sent, skipped (this customer cannot be reached this way), refused (never tried again), failed (tried again). */
export type NotificationOutcome = 'sent' | 'skipped' | 'refused' | 'failed';
export type ChannelName = 'mail' | 'sms';

export interface NotifierOptions {
  readonly mail: MailChannel;
  /** Absent: no SMS gateway is configured. */
  readonly sms: SmsChannel | undefined;
  readonly count: (channel: ChannelName, eventType: string, outcome: NotificationOutcome) => void;
}

const sentRemembered = 10_000;

/**
 * Sends what an event calls for, by every channel, however the others fare. At least once by design: a crash between sending and
 * acknowledging sends again, with the same Message-ID and key. What this process sent itself it does not send again while it waits for the
 * other channel; that memory is a courtesy, nothing rests on it.
 */
export function createNotifier(options: NotifierOptions): (event: NotifiedEvent) => Promise<void> {
  const sent = new Set<string>();

  async function sendOnce(
    channel: ChannelName,
    event: NotifiedEvent,
    send: (() => Promise<void>) | undefined,
  ): Promise<Error | undefined> {
    const place = `${channel} ${event.eventId}`;
    if (sent.has(place)) return undefined;
    const count = (outcome: NotificationOutcome) => options.count(channel, event.eventType, outcome);
    if (send === undefined) {
      count('skipped');
      return undefined;
    }
    try {
      await send();
    } catch (thrown) {
      count(thrown instanceof TerminalError ? 'refused' : 'failed');
      return ensureError(thrown);
    }
    count('sent');
    sent.add(place);
    const [oldest] = sent;
    if (sent.size > sentRemembered && oldest !== undefined) sent.delete(oldest);
    return undefined;
  }

  return async (event) => {
    const { mail, sms } = composeNotifications(event);
    const gateway = options.sms;
    const problems = await Promise.all([
      sendOnce('mail', event, mail && (() => options.mail.send(mail))),
      sendOnce('sms', event, sms && gateway && (() => gateway.send(sms))),
    ]);
    const trouble = problems.filter((problem) => problem !== undefined);
    // While one channel may still work, the event is not given up for the other's sake.
    const passing = trouble.find((problem) => !(problem instanceof TerminalError));
    if (passing) throw new RetryableError(passing.message, { cause: passing });
    const [final] = trouble;
    if (final) throw final;
  };
}
