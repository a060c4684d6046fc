import { readServiceConfig } from '@sagamesh/kit/service-config';
import { integerVariable, switchVariable } from '@sagamesh/runtime/config';

/** The environment of the order service; the kit adds what every service reads. */

const orderVariables = {
  /** Off: an empty price list stays empty. */
  SEED: switchVariable(true),
  /** An order that no saga has claimed is announced again after this time, then after twice that, up to the maximum. */
  ANNOUNCE_AFTER_MILLIS: integerVariable(100, 3_600_000).default(30_000),
  ANNOUNCE_MAX_MILLIS: integerVariable(100, 86_400_000).default(600_000),
};

/** Ends the process with exit code 2 when the environment is wrong, and says what is. */
export function readOrderConfig() {
  return readServiceConfig(orderVariables, { tokens: true });
}
