import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { SettingTable } from '../../src/config/setting.ts'
import { settings } from '../../src/config/settings.ts'
import { makeConfig } from './make-config.ts'

const SRC = join(import.meta.dirname, '../../src')
const table: SettingTable = settings
const inState = (...states: string[]) =>
  Object.entries(table).filter(([, { state = 'effect' }]) => states.includes(state))

/** All code but the declarations; a default that names another setting ("{0.NAME}") uses it. */
const sources = readdirSync(SRC, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts') && !file.startsWith(join('config', 'settings')))
  .map((file) => readFileSync(join(SRC, file), 'utf8').replace(/^\s*(?:\/\/|\/?\*).*$/gm, ''))
  .join('\n')
const used = new Set([
  ...(sources.match(/\w+/g) ?? []),
  ...(String(table.result_backend?.default).match(/\w+(?=\})/g) ?? []),
])

test.each(inState('effect'))('%s, which claims an effect, is used by the code', (name) => {
  expect(used).toContain(name)
})

test.each(inState('refused'))('%s is an error, as ignoring it would be unsafe', (name) => {
  const given = { environment: {}, queues: ['a'], [name]: 'x' }
  expect(() => makeConfig(given)).toThrow(`${name}: it is refused`)
})

test('a setting without effect warns once, by name; one that is Python’s does not', () => {
  const warnings: string[] = []
  const config = makeConfig({
    environment: { CELERY_WORKER_DETECT_QUORUM_QUEUES: 'False' },
    queues: ['a'],
    beat_schedule: { nightly: { task: 'a.b', schedule: 60 } },
    worker_timer: 'x',
    worker_pool: 'prefork', // its default
    warn: (sentence) => warnings.push(sentence),
  })
  config.warnOfIneffective()
  config.warnOfIneffective()
  expect(warnings).toEqual([
    'beat_schedule has no effect yet: a later version of celery-toolbox has it',
    'worker_detect_quorum_queues has no effect: celery-toolbox does not use it',
  ])
})

test.each([
  ['broker_url', 'CELERY_BROKER_URL', 'amqp://env', 'amqp://argument'],
  ['broker_read_url', 'CELERY_BROKER_READ_URL', 'amqp://env', 'amqp://argument'],
  ['broker_write_url', 'CELERY_BROKER_WRITE_URL', 'amqp://env', 'amqp://argument'],
  ['result_backend', 'CELERY_RESULT_BACKEND', 'rpc://', 'redis://argument'],
])('as in Celery, %s is that of %s before the argument', (name, variable, ofEnvironment, given) => {
  const warnings: string[] = []
  const config = makeConfig({
    environment: { [variable]: ofEnvironment },
    queues: ['a'],
    ENV_PREFIX: 'MINE_',
    [name]: given,
    warn: (sentence) => warnings.push(sentence),
  })
  expect(config.get(name)).toBe(ofEnvironment)
  expect(config.shadowed(name)).toEqual([{ source: 'argument', isSame: false }])
  expect(warnings).toEqual([
    `${name}: ${variable} in the environment counts, the value given to Config is not used`,
  ])
})

test('elsewhere the argument counts, and a variable that it hides is named', () => {
  const warnings: string[] = []
  const config = makeConfig({
    environment: { CELERY_TASK_ACKS_LATE: 'False', CELERY_WORKER_CONCURRENCY: '3' },
    queues: ['a'],
    task_acks_late: true,
    worker_concurrency: 3,
    warn: (sentence) => warnings.push(sentence),
  })
  expect(config.task_acks_late).toBe(true)
  expect(warnings).toEqual([
    'task_acks_late: the value given to Config counts, CELERY_TASK_ACKS_LATE in the environment is not used',
  ])
  expect(config.shadowed('worker_concurrency')).toMatchObject([{ isSame: true }])
})
