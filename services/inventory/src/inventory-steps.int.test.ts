import { openTestDatabase, stopTestPostgres } from '@sagamesh/kit/testing/test-database';
import { afterAll } from 'vitest';
import { inventoryMigrations } from './inventory-migrations.ts';
import { inventoryStepsBehaviour } from './testing/inventory-steps.behaviour.ts';

afterAll(stopTestPostgres);

inventoryStepsBehaviour('pglite', () => openTestDatabase('pglite', inventoryMigrations));
inventoryStepsBehaviour('postgres', () => openTestDatabase('postgres', inventoryMigrations));
