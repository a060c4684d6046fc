import type { EventSubscription } from '@sagamesh/kit/inbox';
import { onEventAtLeastOnce } from '@sagamesh/kit/inbox';
import type { NotifiedEvent } from './compose.ts';

/** The events that customers hear of. */
export function notificationSubscriptions(
  notify: (event: NotifiedEvent) => Promise<void>,
): readonly EventSubscription[] {
  return [
    onEventAtLeastOnce('order.confirmed', notify),
    onEventAtLeastOnce('order.cancelled', notify),
    onEventAtLeastOnce('payment.refunded', notify),
  ];
}
