import { actionsOf } from '@sagamesh/contracts/broker-roles';
import { expect, it } from 'vitest';
import { orderSteps } from './order-steps.ts';

it('answers exactly the actions for which it has the right', () => {
  const actions = orderSteps.flatMap(({ execute, compensate = [] }) => [execute, compensate].flat());
  expect(actions.toSorted()).toEqual(actionsOf('order').toSorted());
});
