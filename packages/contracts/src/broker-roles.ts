import type { EventType } from './domain-events.ts';
import { eventPayloadSchemas } from './domain-events.ts';
import { defaultPlan } from './order-saga.ts';

/** What each bundled service does on the broker, as facts. From these follow its permissions (`broker-access.ts`). */

export const bundledServiceNames = ['order', 'inventory', 'payment', 'notification', 'user'] as const;
export type BundledServiceName = (typeof bundledServiceNames)[number];

/** Who hears of which event. The operator reads `order.created`, too: that is the intake. */
export const eventsReadBy = {
  order: [],
  inventory: ['order.created'],
  payment: [],
  notification: ['order.confirmed', 'order.cancelled', 'payment.refunded'],
  user: [],
} as const satisfies Record<BundledServiceName, readonly EventType[]>;

/** The event that the intake makes an OrderSaga of. */
export const intakeEventType = 'order.created' satisfies EventType;

/** The one command outside any plan: the intake has an order cancelled that no saga can be made for. */
export const refuseCommand = { service: 'order', action: 'refuse' } as const;

/** Services that have data, and so a read cache. */
export const cachingServices: readonly BundledServiceName[] = ['order', 'inventory', 'payment', 'user'];

/** Actions that a service answers: those of the default plan, and the intake's. */
export function actionsOf(service: string): readonly string[] {
  const planned = defaultPlan
    .filter((step) => step.service === service)
    .flatMap(({ execute, compensate }) => [execute, ...(compensate === undefined ? [] : [compensate])]);
  return [...planned, ...(refuseCommand.service === service ? [refuseCommand.action] : [])];
}

/** An event type is `<aggregate>.<type>`, and an aggregate belongs to the service of its name. */
export function eventsWrittenBy(service: string): readonly string[] {
  return Object.keys(eventPayloadSchemas).filter((eventType) => eventType.startsWith(`${service}.`));
}
