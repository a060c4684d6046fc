import { authenticate } from '@sagamesh/kit/auth';
import { runService } from '@sagamesh/kit/service';
import { authOptionsOf } from '@sagamesh/kit/token-config';
import { readUserConfig } from './config.ts';
import { ensureFirstAdmin } from './first-admin.ts';
import { createPasswords } from './passwords.ts';
import { signingKeysFromFile } from './signing-keys-file.ts';
import { userMigrations } from './user-migrations.ts';
import { addUserRoutes } from './user-routes.ts';

/** The user service: wiring only. */

const config = readUserConfig();
const passwords = createPasswords();

await runService({
  name: 'user',
  config,
  migrations: userMigrations,
  seed: async (deps) => {
    if (config.admin !== undefined) await ensureFirstAdmin(deps, passwords, config.admin);
  },
  routes: (router, { db, outbox, logger }) => {
    addUserRoutes(router, {
      db,
      outbox,
      passwords,
      keys: signingKeysFromFile(config.SIGNING_KEYS_FILE, logger),
      tokenTtlSeconds: config.TOKEN_TTL_SECONDS,
      authenticate: authenticate({ ...authOptionsOf(config), logger }),
    });
  },
});
