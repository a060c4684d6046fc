import { eventsReadBy } from '@sagamesh/contracts/broker-roles';
import { expect, it } from 'vitest';
import { notificationSubscriptions } from './notification-subscriptions.ts';

it('reads exactly the events that the contracts say, for which it has the right', () => {
  const subscriptions = notificationSubscriptions(() => Promise.resolve());
  expect(subscriptions.map(({ eventType }) => eventType)).toEqual(eventsReadBy.notification);
});
