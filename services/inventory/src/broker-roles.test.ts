import { actionsOf, eventsReadBy } from '@sagamesh/contracts/broker-roles';
import { expect, it } from 'vitest';
import { demandSubscription } from './demand-events.ts';
import { inventorySteps } from './inventory-steps.ts';

/** The contracts say what this service does on the broker, and its rights follow from that. */

it('reads exactly the events for which it has the right', () => {
  const cache = { get: () => Promise.reject(new Error('not asked')), forgetAfterCommit: () => undefined };
  expect([demandSubscription(cache).eventType]).toEqual(eventsReadBy.inventory);
});

it('answers exactly the actions for which it has the right', () => {
  const steps = inventorySteps(() => undefined);
  const actions = steps.flatMap(({ execute, compensate = [] }) => [execute, compensate].flat());
  expect(actions.toSorted()).toEqual(actionsOf('inventory').toSorted());
});
