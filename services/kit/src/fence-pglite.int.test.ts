import { describeFence } from './testing/fence.behaviour.ts';
import { openTestDatabase } from './testing/test-database.ts';

describeFence('pglite', (migrations) => openTestDatabase('pglite', migrations));
