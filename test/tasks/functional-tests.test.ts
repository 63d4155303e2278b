import { describe, expect, test } from 'vitest'
import { buildFunctionalTests } from '../../src/tasks/app/functional-tests.ts'
import { embeddedApp } from '../support/embedded-app.ts'

describe('the functional tests of an ordinary app', () => {
  test('all pass', () => {
    const checks = buildFunctionalTests(embeddedApp({ queues: ['export', 'msg'] }))
    expect(checks.map((check) => check.name)).toContain(
      'the key export reaches exactly export and platform.fifo',
    )
    for (const check of checks) check.run()
  })

  test('a queue that is bound with another key fails its test, and says what it reached', () => {
    const app = embeddedApp({
      task_queues: [
        { name: 'celery', routing_key: 'celery' },
        { name: 'export', routing_key: 'exports' },
        { name: 'platform.fifo', routing_key: '#' },
      ],
    })
    const failed = buildFunctionalTests(app).filter((check) => throws(check.run))
    expect(failed.map((check) => check.name)).toEqual([
      'the key export reaches exactly export and platform.fifo',
    ])
  })

  test('a producer is not asked for what only workers need', () => {
    const names = buildFunctionalTests(embeddedApp(), { isWorker: false }).map(({ name }) => name)
    expect(names.join()).not.toContain('for ever')
  })
})

function throws(run: () => void): boolean {
  try {
    run()
    return false
  } catch {
    return true
  }
}
