import { openTestDatabase, stopTestPostgres } from '@sagamesh/kit/testing/test-database';
import { afterAll } from 'vitest';
import { paymentMigrations } from './payment-migrations.ts';
import { paymentStoreBehaviour } from './testing/payment-store.behaviour.ts';

afterAll(stopTestPostgres);

paymentStoreBehaviour('pglite', () => openTestDatabase('pglite', paymentMigrations));
paymentStoreBehaviour('postgres', () => openTestDatabase('postgres', paymentMigrations));
