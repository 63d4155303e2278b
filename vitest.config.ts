import { resolve } from 'node:path'
import { defineConfig } from 'vitest/config'

// The tests read the sources; everything that runs as its own process reads dist/.
const alias = [
  { find: /^celery-toolbox$/, replacement: resolve(import.meta.dirname, 'src/index.ts') },
  {
    find: /^celery-toolbox\/config$/,
    replacement: resolve(import.meta.dirname, 'src/config/index.ts'),
  },
  {
    find: /^celery-toolbox\/monitor$/,
    replacement: resolve(import.meta.dirname, 'src/monitor/index.ts'),
  },
  {
    find: /^celery-toolbox\/testing$/,
    replacement: resolve(import.meta.dirname, 'src/testing.ts'),
  },
]

export default defineConfig({
  resolve: { alias },
  test: {
    projects: [
      {
        extends: true,
        test: { name: 'unit', include: ['test/**/*.test.ts'], exclude: ['test/**/*.live.test.ts'] },
      },
      {
        extends: true,
        test: {
          name: 'live',
          include: ['test/**/*.live.test.ts'],
          globalSetup: 'test/support/global-setup.ts',
          fileParallelism: false,
          sequence: { groupOrder: 1 }, // after the unit tests: servers and processes need the cores
          // Servers, workers and tests share a few cores with whatever else runs: one more try where nobody watches.
          retry: process.env.CI === undefined ? 0 : 1,
          testTimeout: 60_000,
          hookTimeout: 60_000,
        },
      },
    ],
    coverage: { include: ['src/**'], thresholds: { lines: 90, branches: 85 } },
  },
})
