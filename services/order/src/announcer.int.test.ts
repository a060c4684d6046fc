import { openTestDatabase, stopTestPostgres } from '@sagamesh/kit/testing/test-database';
import { afterAll } from 'vitest';
import { orderMigrations } from './order-migrations.ts';
import { announcerBehaviour } from './testing/announcer.behaviour.ts';

afterAll(stopTestPostgres);

announcerBehaviour('pglite', () => openTestDatabase('pglite', orderMigrations));
announcerBehaviour('postgres', () => openTestDatabase('postgres', orderMigrations));
