// The three kinds of test: unit (no network, parallel), integration (real sockets in this process) and
// e2e (real engines, a real registry and the built plugin; as many files at a time as there are sets of engines).
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    // There are two sets of engines for e2e, and two processors on the machines that run this.
    maxWorkers: 2,
    projects: [
      {
        test: {
          name: 'unit',
          include: ['test/unit/**/*.test.ts', 'test/*.test.ts'],
          testTimeout: 60_000,
          // No file leaves anything behind in its process, and starting one for each costs more than the tests.
          isolate: false,
        },
      },
      {
        test: {
          name: 'integration',
          include: ['test/integration/**/*.test.ts'],
          testTimeout: 60_000,
          hookTimeout: 120_000,
          isolate: false,
        },
      },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          testTimeout: 180_000,
          hookTimeout: 300_000,
          globalSetup: ['test/support/build-plugin.ts', 'test/support/start-engines.ts'],
        },
      },
    ],
  },
});
