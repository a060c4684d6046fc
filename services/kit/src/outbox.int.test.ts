import { afterAll } from 'vitest';
import { describeOutbox } from './testing/outbox.behaviour.ts';
import { openTestDatabase, stopTestPostgres } from './testing/test-database.ts';

afterAll(stopTestPostgres);

describeOutbox('pglite', () => openTestDatabase('pglite'));
describeOutbox('postgres', () => openTestDatabase('postgres'));
