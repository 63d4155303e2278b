import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { newNameOf } from '../../src/config/resolve/old-names.ts'
import { unfit } from '../../src/config/resolve/value-types.ts'
import type { SettingTable } from '../../src/config/setting.ts'
import { celerySettings, settings, toolboxSettings } from '../../src/config/settings.ts'

type Defaults = Readonly<Record<string, unknown>>

const recorded: Readonly<Record<string, Defaults>> = JSON.parse(
  readFileSync(join(import.meta.dirname, '../fixtures/celery-defaults.json'), 'utf8'),
)
const celery56 = recorded['5.6.3'] ?? {}
const celery57 = recorded['5.7.0'] ?? {}
const table: SettingTable = settings

/** Read by Celery or its daemons, and not in its table of defaults. */
const WITHOUT_DEFAULT = [
  'beat_executable',
  'beat_gid',
  'beat_logfile',
  'beat_pidfile',
  'beat_uid',
  'beat_umask',
  'cassandra_secure_bundle_path',
  'dynamodb_endpoint_url',
  'events_executable',
  'events_gid',
  'events_logfile',
  'events_pidfile',
  'events_uid',
  'events_umask',
  'firestore_project',
  'gcs_threadpool_maxsize',
  'override_backends',
  'redis_backend_credential_provider',
  'redis_backend_health_check_interval',
  'redis_client_name',
  'result_backend_thread_safe',
  'worker_executable',
  'worker_gid',
  'worker_logfile',
  'worker_pidfile',
  'worker_uid',
  'worker_umask',
]

/** Defaults that Celery 5.7 changed; ours are those of 5.6. */
const CHANGED_IN_57 = ['control_queue_exclusive', 'event_queue_exclusive']

test('every setting of Celery 5.6 and 5.7 is known, and no others', () => {
  const theirs = new Set([...Object.keys(celery56), ...Object.keys(celery57), ...WITHOUT_DEFAULT])
  expect(new Set(Object.keys(celerySettings))).toEqual(theirs)
})

test.each(Object.entries(celery56))('%s has the default of Celery 5.6', (name, theirs) => {
  const setting = table[name]
  const ours = setting?.celeryDefault === undefined ? setting?.default : setting.celeryDefault
  expect(comparable(ours)).toEqual(theirs)
})

test('the defaults of Celery 5.7 are those of 5.6, but for two', () => {
  const changed = Object.keys(celery56).filter(
    (name) => JSON.stringify(celery56[name]) !== JSON.stringify(celery57[name]),
  )
  expect(changed).toEqual(CHANGED_IN_57)
})

test.each(Object.entries(table).filter(([, setting]) => setting.since !== undefined))(
  '%s, new in Celery 5.7, has its default',
  (name, setting) => {
    expect(celery56).not.toHaveProperty(name)
    expect(comparable(setting.default)).toEqual(celery57[name])
  },
)

test('these defaults differ from those of Celery on purpose', () => {
  const different = Object.entries(table).filter(
    ([, setting]) => setting.celeryDefault !== undefined,
  )
  expect(different.map(([name]) => name).sort()).toEqual([
    'broker_transport',
    'broker_transport_options',
    'imports',
    'result_backend',
    'task_default_exchange',
    'task_default_exchange_type',
    'task_queues',
    'task_routes',
    'task_track_started',
  ])
})

test.each(Object.entries(table))(
  '%s is documented by one sentence and takes its default',
  (_, setting) => {
    expect(setting.documentation).toMatch(/^[A-Z].*[^.]\.$/)
    expect(setting.type.name).not.toBe('')
    expect(setting.type.read(setting.default)).not.toBe(unfit)
  },
)

test('no documentation is there twice', () => {
  const sentences = Object.values(table).map((setting) => setting.documentation)
  const repeated = sentences.filter((sentence, index) => sentences.indexOf(sentence) !== index)
  expect(repeated).toEqual(['The type of that exchange.'].filter((one) => repeated.includes(one)))
})

test("Celery's settings are lowercase, the toolbox's own are uppercase", () => {
  expect(Object.keys(celerySettings).filter((name) => !/^[a-z0-9_]+$/.test(name))).toEqual([])
  expect(Object.keys(toolboxSettings).filter((name) => !/^[A-Z_]+$/.test(name))).toEqual([])
})

test.each([
  ['CELERY_RESULT_BACKEND', 'result_backend'],
  ['CELERY_ACCEPT_CONTENT', 'accept_content'],
  ['CELERY_TASK_RESULT_EXPIRES', 'result_expires'],
  ['CELERY_MESSAGE_COMPRESSION', 'task_compression'],
  ['CELERY_DEFAULT_QUEUE', 'task_default_queue'],
  ['CELERY_SEND_EVENTS', 'worker_send_task_events'],
  ['CELERYD_TASK_TIME_LIMIT', 'task_time_limit'],
  ['CELERYD_PREFETCH_MULTIPLIER', 'worker_prefetch_multiplier'],
  ['CELERYBEAT_SCHEDULE', 'beat_schedule'],
  ['CELERY_EVENT_QUEUE_TTL', 'event_queue_ttl'],
  ['BROKER_URL', 'broker_url'],
  ['NOTHING_OF_CELERY', undefined],
])('the old name %s stands for %s', (old, today) => {
  expect(newNameOf(old)).toBe(today)
})

function comparable(value: unknown): unknown {
  return value === Number.POSITIVE_INFINITY ? 'inf' : value
}
