import { beforeAll, expect, test } from 'vitest'
import { prepareSuite } from './environment.ts'
import { runSuite, type SuiteOutcomes } from './run-suite.ts'
import { SELECTION } from './selection.ts'

let outcomes: SuiteOutcomes = new Map()

// The first time, Celery's source is downloaded and an environment is made for it.
const PATIENCE_MS = 600_000

beforeAll(async () => {
  const suite = await prepareSuite('kept')
  const tests = SELECTION.map((name) => `t/integration/${name}`)
  outcomes = await runSuite(suite, { worker: 'toolbox', backend: 'redis', tests })
}, PATIENCE_MS)

test.each(SELECTION)('Celery’s own test passes with our worker: %s', (name) => {
  const ended = [...outcomes].filter(([test]) => test === name || test.startsWith(`${name}[`))
  expect(ended.length).toBeGreaterThan(0)
  expect(ended.filter(([, { outcome }]) => outcome !== 'passed')).toEqual([])
})
