import { resolve } from 'node:path'
import { defineConfig } from 'vitest/config'

// The tests read the sources; everything that runs as its own process reads dist/.
const alias = [
  { find: /^celery-toolbox$/, replacement: resolve(import.meta.dirname, 'src/index.ts') },
  {
    find: /^celery-toolbox\/testing$/,
    replacement: resolve(import.meta.dirname, 'src/testing.ts'),
  },
  {
    find: /^celery-toolbox\/([a-z-]+)$/,
    replacement: resolve(import.meta.dirname, 'src/$1/index.ts'),
  },
]

/** Live tests that stop the servers of all the others, or are upset by how fast others let them be. */
const ALONE = [
  'test/{chaos,faults}/**/*.live.test.ts',
  'test/brokers/amqp/amqp-losses.live.test.ts',
]

const live = {
  globalSetup: 'test/support/global-setup.ts',
  // Servers, workers and tests share a few cores with whatever else runs: one more try where nobody watches.
  retry: process.env.CI === undefined ? 0 : 1,
  testTimeout: 60_000,
  hookTimeout: 60_000,
}

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
          ...live,
          name: 'live',
          include: ['test/**/*.live.test.ts'],
          exclude: ALONE,
          maxWorkers: 2, // each file has a virtual host and a database of its own, and waits a good deal
          sequence: { groupOrder: 1 }, // after the unit tests: servers and processes need the cores
        },
      },
      {
        extends: true,
        test: {
          ...live,
          name: 'alone',
          include: ALONE,
          fileParallelism: false,
          sequence: { groupOrder: 2 },
        },
      },
    ],
    coverage: { include: ['src/**'], thresholds: { lines: 90, branches: 85 } },
  },
})
