import { readServiceConfig } from '@sagamesh/kit/service-config';
import { integerVariable, urlVariable } from '@sagamesh/runtime/config';
import { z } from 'zod';

/** Where the money is: Stripe (`https://api.stripe.com`) or the bundled provider. */
export function readPaymentConfig() {
  return readServiceConfig(
    {
      PAYMENT_PROVIDER_URL: urlVariable('http', 'https'),
      PAYMENT_PROVIDER_KEY: z.string('expected the secret key of the payment provider').min(1),
      /** Per request to the provider. A step makes up to five; keep it below the step's timeoutSeconds. */
      PAYMENT_TIMEOUT_MILLIS: integerVariable(100, 60_000).default(5_000),
    },
    { tokens: true },
  );
}
