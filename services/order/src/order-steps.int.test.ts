import { openTestDatabase, stopTestPostgres } from '@sagamesh/kit/testing/test-database';
import { afterAll } from 'vitest';
import { orderMigrations } from './order-migrations.ts';
import { orderStepsBehaviour } from './testing/order-steps.behaviour.ts';

afterAll(stopTestPostgres);

orderStepsBehaviour('pglite', () => openTestDatabase('pglite', orderMigrations));
orderStepsBehaviour('postgres', () => openTestDatabase('postgres', orderMigrations));
