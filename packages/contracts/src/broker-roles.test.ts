import { expect, it } from 'vitest';
import { actionsOf, bundledServiceNames, eventsWrittenBy } from './broker-roles.ts';
import { eventPayloadSchemas } from './domain-events.ts';
import { defaultPlan } from './order-saga.ts';

it('every event type is written by exactly one service', () => {
  const written = bundledServiceNames.flatMap((service) => eventsWrittenBy(service));
  expect(written.toSorted()).toEqual(Object.keys(eventPayloadSchemas).toSorted());
});

it('every action of the default plan is answered by a bundled service', () => {
  for (const { service, execute } of defaultPlan) {
    expect(bundledServiceNames).toContain(service);
    expect(actionsOf(service)).toContain(execute);
  }
});

it('the order service also answers the intake', () => {
  expect(actionsOf('order')).toEqual(['create', 'cancel', 'confirm', 'refuse']);
});
