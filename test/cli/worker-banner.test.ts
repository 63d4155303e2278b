import { expect, test } from 'vitest'
import { banner } from '../../src/cli/worker/banner.ts'
import { Config, createApp } from '../../src/index.ts'
import { workerSettings } from '../../src/worker/worker-options.ts'

test.each([
  ['processes', 'processes, 5 tasks a child, 900 KB a child'],
  // It has no children of its own.
  ['async', 'async; threads and processes that tasks ask for: 5 tasks a child, 900 KB a child'],
] as const)('the banner of a worker with the pool %s says how long children live', (pool, line) => {
  const config = new Config({ broker_url: 'memory://', queues: ['export'], environment: {} })
  const settings = workerSettings(config, { pool, maxTasksPerChild: 5, maxMemoryPerChild: 900 })
  expect(banner(createApp(config), settings, 'app.ts')).toContain(` pool         ${line}\n`)
})
