import { readServiceConfig } from '@sagamesh/kit/service-config';
import { integerVariable, switchVariable } from '@sagamesh/runtime/config';

/** The environment of the inventory service; the kit adds what every service reads. */

const inventoryVariables = {
  /** Off: an empty catalogue stays empty. */
  SEED: switchVariable(true),
  /** How old a single SKU's answer may be. */
  STOCK_CACHE_MILLIS: integerVariable(100, 60_000).default(2_000),
};

/** Ends the process with exit code 2 when the environment is wrong, and says what is. */
export function readInventoryConfig() {
  return readServiceConfig(inventoryVariables, { tokens: true });
}
