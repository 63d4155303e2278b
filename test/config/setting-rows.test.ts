import { expect, test } from 'vitest'
import { checkConfig, settingRows } from '../../src/config/setting-rows.ts'
import { settingNames } from '../../src/config/settings.ts'
import { makeConfig } from './make-config.ts'

test('a row shows value, source, variable, documentation and default of a setting', () => {
  const rows = settingRows(makeConfig({ environment: { CELERY_BROKER_URL: 'amqp://u:p@h' } }))
  expect(rows.find((row) => row.name === 'broker_url')).toEqual({
    name: 'broker_url',
    value: "'amqp://u:***@h'",
    source: 'environment',
    variable: 'CELERY_BROKER_URL',
    state: 'effect',
    shadowed: [],
    documentation:
      'Where the broker is: amqp://, amqps://, sqs:// or memory://; it wins over broker_transport.',
    default: 'None',
  })
})

test('only present settings are shown, unless all are asked for', () => {
  const config = makeConfig({ environment: { CELERY_FOO: '1' } })
  expect(settingRows(config).map((row) => row.name)).not.toContain('worker_concurrency')
  const all = settingRows(config, { all: true }).map((row) => row.name)
  expect(all).toEqual(expect.arrayContaining(['foo', ...settingNames]))
  expect(settingRows(config).find((row) => row.name === 'foo')?.documentation).toBe(
    'Not a setting of Celery or of the toolbox.',
  )
})

test('checkConfig reports what is wrong, and nothing where all is right', () => {
  expect(checkConfig({ environment: {}, queues: ['a'] })).toEqual([])
  expect(checkConfig({ environment: {}, queues: [] })).toEqual([
    'QUEUES: [] names no queue, expected at least one',
  ])
})
