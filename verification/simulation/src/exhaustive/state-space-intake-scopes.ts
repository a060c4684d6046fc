import type { Scope } from './state-space-configurations.ts';
import { IntakeModel } from './state-space-intake.ts';
import type { IntakeConfiguration } from './state-space-intake.ts';
import { realOrderParts } from './state-space-order.ts';
import type { OrderParts } from './state-space-order.ts';

/** The scopes of the claim: who may want an order besides the saga that the intake made for it. */

const common: IntakeConfiguration = {
  name: 'common',
  placed: true,
  namesEvent: [true, true],
  sameName: false,
  refuses: false,
  people: new Set(),
  deadline: true,
};

export function intakeScopeOf(
  change: Partial<IntakeConfiguration> & { readonly name: string },
  orderParts: OrderParts = realOrderParts,
): Scope {
  const configuration = { ...common, ...change };
  return { name: configuration.name, model: (parts) => new IntakeModel(configuration, parts, orderParts) };
}

export const intakeScopes: readonly Scope[] = [
  intakeScopeOf({ name: 'claim: two sagas of one event' }),
  intakeScopeOf({
    name: 'claim: one from the intake, one by hand that names no event; refuse at any time',
    namesEvent: [true, false],
    refuses: true,
  }),
  intakeScopeOf({
    name: 'claim: two by hand, no order placed',
    placed: false,
    namesEvent: [false, false],
  }),
  intakeScopeOf({
    name: 'claim: deleted and made again under the same name; refuse at any time',
    sameName: true,
    refuses: true,
    people: new Set(['delete']),
  }),
];
