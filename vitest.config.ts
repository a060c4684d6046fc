import { defineConfig } from 'vitest/config';

/** Patience, not an expectation: `expect.poll` gives up after one second by itself, which a busy machine may need. */
const patient = { poll: { timeout: 30_000 } };

/**
 * Four rings. `unit`: no sockets, no processes, seconds. `int`: real databases and a real NATS server.
 * `e2e`: the whole sandbox with a real API server. `mesh`: real Envoys under istiod. A file's suffix says its ring.
 */
export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'unit',
          expect: patient,
          include: ['**/*.test.ts'],
          exclude: ['**/node_modules/**', '**/*.int.test.ts', '**/*.e2e.test.ts', '**/*.mesh.test.ts'],
          pool: 'threads',
          isolate: false,
          // Not an expectation: on a busy machine some hundred objects take their time.
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
      {
        test: {
          name: 'int',
          expect: patient,
          include: ['**/*.int.test.ts'],
          exclude: ['**/node_modules/**'],
          pool: 'forks',
          testTimeout: 120_000,
          hookTimeout: 300_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'e2e',
          expect: patient,
          include: ['**/*.e2e.test.ts'],
          exclude: ['**/node_modules/**'],
          pool: 'forks',
          testTimeout: 180_000,
          hookTimeout: 600_000,
          fileParallelism: false,
        },
      },
      {
        test: {
          name: 'mesh',
          expect: patient,
          include: ['**/*.mesh.test.ts'],
          exclude: ['**/node_modules/**'],
          pool: 'forks',
          // Longer than the waits of a test together: what fails is a wait, which says for what.
          testTimeout: 600_000,
          hookTimeout: 900_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
