import { authenticate } from '@sagamesh/kit/auth';
import { runService } from '@sagamesh/kit/service';
import { startAnnouncer } from './announcer.ts';
import { jwksOf, readOrderConfig } from './config.ts';
import { orderMigrations } from './order-migrations.ts';
import { addOrderRoutes } from './order-routes.ts';
import { orderSteps } from './order-steps.ts';
import { seedPriceList } from './order-store.ts';

/** The order service: wiring only. */

const config = readOrderConfig();
const pace = { afterMillis: config.ANNOUNCE_AFTER_MILLIS, maxMillis: config.ANNOUNCE_MAX_MILLIS };

await runService({
  name: 'order',
  config,
  migrations: orderMigrations,
  seed: async ({ db, log }) => {
    if (!config.SEED) return;
    const written = await seedPriceList(db);
    if (written > 0) log.info({ prices: written }, 'price list seeded');
  },
  steps: () => orderSteps,
  routes: (app, { db, outbox }) => {
    addOrderRoutes(app, {
      db,
      outbox,
      announceAfterMillis: pace.afterMillis,
      authenticate: authenticate({
        jwks: jwksOf(config),
        issuer: config.JWT_ISSUER,
        audience: config.JWT_AUDIENCE,
      }),
    });
  },
  background: ({ db, outbox, log }) => [
    startAnnouncer({
      db,
      outbox,
      pace,
      everyMillis: Math.min(1_000, pace.afterMillis),
      onError: (err) => log.warn({ err }, 'orders could not be announced again; trying again'),
    }),
  ],
});
