import type { Fault } from '../kernel/fault.ts';

/** Everything that is done to a system in one run, as data: made from a seed, made smaller when it fails, printed, replayed. This file: its shape. */

/** What the customer or the plan has in store for a saga; `confirmRefused` and `settleRefused` come from plans that leave a step out. */
export const sagaKinds = [
  'happy',
  'wrongPrice',
  'outOfStock',
  'lastUnits',
  'cardDeclined',
  'unknownCard',
  'slowCard',
  'flakyCard',
  'silentCard',
  'confirmRefused',
  'settleRefused',
  'unknownService',
] as const;
export type SagaKind = (typeof sagaKinds)[number];

export interface SagaPlan {
  /** Others point at it by this number, which stays when other sagas are left out. */
  readonly id: number;
  readonly atMillis: number;
  readonly kind: SagaKind;
  /** `http`: an order over HTTP, taken in by the operator. `kubectl`: an OrderSaga applied by hand. `twin`: another object for the order of `twinOf`. */
  readonly origin: 'http' | 'kubectl' | 'twin';
  /** The saga whose order id a twin uses, too. */
  readonly twinOf?: number;
  readonly deadlineSeconds: number;
  /** Per attempt, for sagas made by hand. */
  readonly timeoutSeconds: number;
  readonly maxAttempts: number;
}

export const userActionKinds = [
  'cancel',
  'delete',
  'suspend',
  'resume',
  'wipeStatus',
  'recreate',
  'abandon',
  'poison',
  'forge',
] as const;
export type UserActionKind = (typeof userActionKinds)[number];

export interface UserAction {
  readonly atMillis: number;
  readonly kind: UserActionKind;
  readonly saga: number;
}

export interface RunPlan {
  readonly seed: number;
  /** Hosts per service; all hosts of a service share its database. */
  readonly replicas: number;
  /** Both operators act as if they led, whatever the Lease says. */
  readonly leaseLies: boolean;
  /** From here on nothing breaks any more. */
  readonly healAtMillis: number;
  readonly sagas: readonly SagaPlan[];
  readonly users: readonly UserAction[];
  readonly faults: readonly Fault[];
}
