import { createLogger } from '../logger.ts';

/** For tests that look at behaviour, not at lines. LOG_LEVEL=debug shows them. */
export const silentLogger = createLogger({ name: 'test', level: process.env['LOG_LEVEL'] ?? 'silent' });
