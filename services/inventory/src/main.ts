import { authenticate } from '@sagamesh/kit/auth';
import { runService, type ServiceDeps } from '@sagamesh/kit/service';
import { authOptionsOf } from '@sagamesh/kit/token-config';
import { seedCatalogue } from './catalogue.ts';
import { readInventoryConfig } from './config.ts';
import { demandSubscription } from './demand-events.ts';
import { inventoryMigrations } from './inventory-migrations.ts';
import { addInventoryRoutes } from './inventory-routes.ts';
import { inventorySteps } from './inventory-steps.ts';
import { createStockCache } from './stock-cache.ts';
import { seedStock } from './stock-store.ts';

/** The inventory service: wiring only. */

const config = readInventoryConfig();
const stockCacheOf = ({ cache }: ServiceDeps) =>
  createStockCache({ cache, ttlMillis: config.STOCK_CACHE_MILLIS });

await runService({
  name: 'inventory',
  config,
  migrations: inventoryMigrations,
  seed: async ({ db, logger }) => {
    if (!config.SEED) return;
    const skus = await seedStock(db, seedCatalogue);
    if (skus > 0) logger.info({ skus }, 'catalogue seeded');
  },
  steps: (deps) => inventorySteps(stockCacheOf(deps).forgetAfterCommit),
  events: (deps) => [demandSubscription(stockCacheOf(deps))],
  routes: (router, deps) => {
    addInventoryRoutes(router, {
      db: deps.db,
      cache: stockCacheOf(deps),
      authenticate: authenticate({ ...authOptionsOf(config), logger: deps.logger }),
    });
  },
});
