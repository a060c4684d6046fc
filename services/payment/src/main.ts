/** Payment service: takes the money for an order through the payment provider, and gives it back. */
import { authenticate } from '@sagamesh/kit/auth';
import { runService } from '@sagamesh/kit/service';
import { authOptionsOf } from '@sagamesh/kit/token-config';
import { createChargeStep } from './charge-step.ts';
import { readPaymentConfig } from './config.ts';
import { paymentMigrations } from './payment-migrations.ts';
import { addPaymentRoutes } from './payment-routes.ts';
import { createStripeGateway } from './stripe-gateway.ts';

const config = readPaymentConfig();
const gateway = createStripeGateway({
  url: config.PAYMENT_PROVIDER_URL,
  key: config.PAYMENT_PROVIDER_KEY,
  timeoutMillis: config.PAYMENT_TIMEOUT_MILLIS,
});

await runService({
  name: 'payment',
  config,
  migrations: paymentMigrations,
  steps: () => [createChargeStep(gateway)],
  routes: (router, { db, logger }) =>
    addPaymentRoutes(router, db, authenticate({ ...authOptionsOf(config), logger })),
  // Handlers mostly wait for the provider: one that hangs must not hold up the payments of others.
  concurrency: 32,
});
