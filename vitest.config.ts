import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import { defineConfig } from 'vitest/config'
import { ALONE } from './test/support/alone.ts'
import { LongestFirst } from './test/support/longest-first.ts'

// The tests read the sources; everything that runs as its own process reads dist/.
const alias = [
  { find: /^celery-toolbox$/, replacement: resolve(import.meta.dirname, 'src/index.ts') },
  {
    find: /^celery-toolbox\/([a-z-]+)$/,
    replacement: resolve(import.meta.dirname, 'src/$1/index.ts'),
  },
]

/**
 * Minutes of faults and deploys, and what takes a hundred megabytes from Maven Central:
 * `npm run test:long`, not a part of `npm test`.
 */
const LONG = [
  'test/chaos/**/*.live.test.ts',
  'test/deploy/deploy.live.test.ts',
  'test/faults/workflows.live.test.ts',
  'test/faults/pools/**/*.live.test.ts',
  'test/faults/soak.live.test.ts',
  'test/flows/kills/every-transition.live.test.ts',
  'test/interop/huge-chord.live.test.ts',
  'test/streams/links/kafka/kafka.live.test.ts',
  'test/sqs-servers/**/*.live.test.ts',
  'test/projects/versions.live.test.ts',
]

/** `npm run test:zocalo` runs it, too. */
const OF_THE_WHOLE_ZOCALO =
  process.env.ZOCALO_WHOLE === '1' ? [] : ['test/interop/zocalo/instances.live.test.ts']

/** They need nothing but Node, and seconds of CPU time each: not for every save. */
const SLOW = 'test/**/*.slow.test.ts'

/** Measures of CPU time that other tests beside them would spoil: they share the caches of the cores. */
const QUIET = 'test/**/*.quiet.test.ts'

/** Named on the command line: Vitest runs every project it is given. */
const isLongRun = process.argv.some((arg) => arg === 'long' || arg === '--project=long')

const live = {
  globalSetup: 'test/support/global-setup.ts',
  // Servers, workers and tests share a few cores with other work: one more try on a build server.
  retry: process.env.CI === undefined ? 0 : 1,
  testTimeout: 60_000,
  hookTimeout: 60_000,
}

/** Of tests that need nothing but Node. */
const onlyNode = {
  maxWorkers: Math.max(8, availableParallelism()), // more than cores, as many tests wait for a timer
  isolate: false, // to load the sources once a core, not once a file, is most of the time
}

export default defineConfig({
  resolve: { alias },
  test: {
    sequence: { sequencer: LongestFirst },
    // Compiled sources are kept for the next run, in node_modules: to compile a thousand files takes longer than most tests.
    experimental: { fsModuleCache: true },
    projects: [
      {
        extends: true,
        test: {
          ...onlyNode,
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/**/*.live.test.ts', SLOW, QUIET],
          testTimeout: 30_000, // property tests, where cores are shared
        },
      },
      {
        extends: true,
        test: {
          ...onlyNode,
          name: 'slow',
          globalSetup: 'test/support/global-build.ts',
          include: [SLOW],
          testTimeout: 60_000,
        },
      },
      {
        extends: true,
        test: {
          ...live,
          name: 'live',
          include: ['test/**/*.live.test.ts'],
          exclude: [...ALONE, ...LONG, ...OF_THE_WHOLE_ZOCALO],
          isolate: false, // as above
          maxWorkers: 5, // each file has a virtual host and a database of its own, and waits most of the time
          sequence: { groupOrder: 2 },
        },
      },
      {
        extends: true,
        test: {
          ...live,
          name: 'alone',
          include: [...ALONE],
          exclude: LONG,
          fileParallelism: false,
          sequence: { groupOrder: 1 }, // first: they wait more than they work, beside the unit tests of `npm test`
        },
      },
      {
        extends: true,
        test: {
          name: 'quiet',
          include: [QUIET],
          // Garbage is collected before each measure and in none: when it is, is chance, and costs as much as what is measured.
          execArgv: ['--expose-gc', '--max-semi-space-size=512'],
          testTimeout: 60_000,
          fileParallelism: false,
          sequence: { groupOrder: 3 }, // after all others
        },
      },
      ...(isLongRun
        ? [
            {
              extends: true as const,
              test: {
                ...live,
                name: 'long',
                include: LONG,
                fileParallelism: false,
                sequence: { groupOrder: 4 },
              },
            },
          ]
        : []),
    ],
    coverage: { include: ['src/**'], thresholds: { lines: 90, branches: 85 } },
  },
})
