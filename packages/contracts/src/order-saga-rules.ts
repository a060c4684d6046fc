import type { ValidationRule } from './structural-schema.ts';
import { orderLimits } from './order.ts';

/**
 * What the API server checks of an OrderSaga beyond types and bounds, in CEL, so that no webhook is needed.
 * Each message says what is wrong and what to do. Keys are paths in the object; '' is the object itself.
 */

const isPivot = 'self.map(step, step.pivot)';
const isUndone = 'self.map(step, has(step.compensate))';
const isUnique = 'self.map(step, self.exists_one(other, other.name == step.name))';

/** Names one step. To list several (`filter`, `join`) would cost more than the API server allows a message. */
const nameAt = (index: string) => `self[${index}].name`;

const stepRules: readonly ValidationRule[] = [
  {
    rule: `${isUnique}.indexOf(false) == -1`,
    message: 'step names must be unique: rename one of the steps that share a name',
    messageExpression: `'step names must be unique: rename one of the steps named ' + ${nameAt(`${isUnique}.indexOf(false)`)}`,
  },
  {
    rule: 'self.exists(step, step.pivot)',
    message:
      'no step is the pivot: mark the one step whose effect decides the saga with pivot: true (in the default plan: confirmOrder)',
  },
  {
    rule: `${isPivot}.indexOf(true) == ${isPivot}.lastIndexOf(true)`,
    message:
      'more than one step is the pivot: leave pivot: true on the one step whose effect decides the saga',
    messageExpression: `'more than one step is the pivot (' + ${nameAt(`${isPivot}.indexOf(true)`)} + ' and ' + ${nameAt(`${isPivot}.lastIndexOf(true)`)} + '): leave pivot: true on the one step whose effect decides the saga'`,
  },
  {
    rule: `${isUndone}.indexOf(false) == -1 || ${isUndone}.indexOf(false) >= ${isPivot}.indexOf(true)`,
    message: 'every step before the pivot needs compensate: the action that undoes it',
    messageExpression: `'step ' + ${nameAt(`${isUndone}.indexOf(false)`)} + ' comes before the pivot and needs compensate: the action that undoes it'`,
  },
  {
    // Said only of a plan that has a pivot; without one the rule above is the one that helps.
    rule: `${isPivot}.indexOf(true) == -1 || ${isUndone}.lastIndexOf(true) < ${isPivot}.indexOf(true)`,
    message: 'the pivot and the steps after it are never undone: remove compensate from them',
    messageExpression: `'step ' + ${nameAt(`${isUndone}.lastIndexOf(true)`)} + ' is the pivot or comes after it and is never undone: remove compensate'`,
  },
  {
    rule: 'self == oldSelf',
    message:
      'steps are immutable, and so is their order: apply a new OrderSaga with another order id instead',
  },
];

const orderRules: readonly ValidationRule[] = [
  {
    rule: `self.items.map(item, item.quantity * item.unitPriceCents).sum() <= ${orderLimits.amountCentsMax}`,
    message: `the order is worth more than ${orderLimits.amountCentsMax} cents, the most that can be paid at once: split it`,
  },
  {
    rule: 'self == oldSelf',
    message:
      'order is immutable: set cancel: true on this saga and apply a new one with another order id instead',
  },
];

const cancelRules: readonly ValidationRule[] = [
  {
    rule: 'self || !oldSelf',
    message:
      'cancel is one way: a cancelled saga stays cancelled; apply a new OrderSaga with another order id instead',
  },
];

/** On the object itself: a rule about changes below a field does not run when the field is removed (KEP-2876). */
const objectRules: readonly ValidationRule[] = [
  {
    rule: '!has(oldSelf.status) || !has(oldSelf.status.outcome) || (has(self.status) && has(self.status.outcome) && self.status.outcome == oldSelf.status.outcome)',
    message: 'status.outcome is final: once set it can be neither changed nor removed; read the object again',
    fieldPath: '.status.outcome',
  },
];

export const orderSagaRules: Readonly<Record<string, readonly ValidationRule[]>> = {
  '': objectRules,
  'spec.order': orderRules,
  'spec.steps': stepRules,
  'spec.cancel': cancelRules,
};
