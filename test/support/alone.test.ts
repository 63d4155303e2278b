import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { PROJECT } from './services.ts'

// Live tests run two at a time; one that stops the broker for all has to be in the project "alone" of vitest.config.ts.
const ALONE = /^(?:chaos|faults)\/|^brokers\/amqp\/amqp-losses\.live\.test\.ts$/

test('only tests that run alone stop the broker of all tests', () => {
  const folder = join(PROJECT, 'test')
  const stopping = readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.ts') && path !== 'support/alone.test.ts')
    .filter((path) => readFileSync(join(folder, path), 'utf8').includes('stop_app'))
  expect(stopping.length).toBeGreaterThan(0)
  expect(stopping.filter((path) => !ALONE.test(path))).toEqual([])
})
