// `make bench`: measurements, kept out of the tests on purpose. A figure depends on the machine and fails nobody's build.
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    name: 'bench',
    root: '.',
    include: ['test/bench/*.bench.ts'],
    testTimeout: 600_000,
    hookTimeout: 300_000,
    fileParallelism: false,
    disableConsoleIntercept: true,
    globalSetup: ['test/support/build-plugin.ts', 'test/support/start-engines.ts'],
  },
});
