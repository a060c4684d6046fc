import { authenticate } from '@sagamesh/kit/auth';
import { runService } from '@sagamesh/kit/service';
import { authOptionsOf } from '@sagamesh/kit/token-config';
import { startAnnouncer } from './announcer.ts';
import { readOrderConfig } from './config.ts';
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
  seed: async ({ db, logger }) => {
    if (!config.SEED) return;
    const prices = await seedPriceList(db);
    if (prices > 0) logger.info({ prices }, 'price list seeded');
  },
  steps: () => orderSteps,
  routes: (router, { db, outbox, logger }) => {
    addOrderRoutes(router, {
      db,
      outbox,
      announceAfterMillis: pace.afterMillis,
      authenticate: authenticate({ ...authOptionsOf(config), logger }),
    });
  },
  background: ({ db, outbox, logger }) => [
    startAnnouncer({
      db,
      outbox,
      pace,
      everyMillis: Math.min(1_000, pace.afterMillis),
      onError: (err) => logger.warn({ err }, 'orders could not be announced again; trying again'),
    }),
  ],
});
