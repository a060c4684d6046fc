import { defaultPlan } from '@sagamesh/contracts/order-saga';
import type { SagaChange } from './saga-manifest.ts';

/** No test waits this long: a saga that ends in a test ended without waiting for a step's timeout. */
export const stepTimeoutSeconds = 3_600;

/**
 * Changes that make a saga wait for nothing but answers: an attempt that gets none would stand still for an hour. Refused attempts
 * ("try again") are repeated for as long as a restart may take.
 */
export const patient: Pick<SagaChange, 'steps' | 'deadlineSeconds'> = {
  deadlineSeconds: 86_400,
  steps: Object.fromEntries(
    defaultPlan.map(({ name }) => [
      name,
      {
        timeoutSeconds: stepTimeoutSeconds,
        retry: { maxAttempts: 100, initialMillis: 200, factor: 2, maxMillis: 1_000 },
      },
    ]),
  ),
};
