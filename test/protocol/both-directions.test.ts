import { readdirSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { MESSAGE_CATEGORIES, RESULT_CATEGORIES } from './covered.ts'
import { index } from './recorded.ts'

/** What workflows, retries, times and results look like: each recording of these is read, and made by us. */
const CATEGORIES = [
  'canvas, producer side',
  'chords',
  'database backend',
  'messages published by a worker',
  'native delayed delivery',
  'older release',
  'protocol 1',
  'redis backend',
  'result reader tolerance',
  'retries',
  'rpc results',
  'task messages',
]

/** Read one by one, in a test that names them; all others by the tests that go through their whole category. */
const SWEPT = new Set([...MESSAGE_CATEGORIES, ...RESULT_CATEGORIES, 'database backend'])

/** Not made by our producer, worker or store, but for what the codec writes again. */
const MADE_BY_NOBODY_HERE: Readonly<Record<string, string>> = {
  'result-reading-database': 'rows that somebody else wrote, to see what Python makes of them',
  'result-reading-rpc': 'replies that somebody else sent, to see what Python makes of them',
  'db-date-done-session-timezone': 'a session of Python’s that is not on UTC; ours always are',
  'compat52-chain': 'canvas-chain-3, without what Celery 5.2 did not send yet',
  'compat52-chord-database': 'chord-database, without what Celery 5.2 did not send yet',
  'compat52-group': 'canvas-group-3, without what Celery 5.2 did not send yet',
  'compat52-task-countdown-expires': 'task-countdown and task-expires-seconds, as above',
  'compat52-rpc-failure': 'rpc-result-failure-custom, without a date',
  'compat52-rpc-success': 'rpc-result-success, without a date',
  'compat52-rpc-retry': 'rpc-result-retry, without a date',
  'compat52-json-types': 'dates as plain texts, which tell less than those we send',
  'compat52-json-bytes': 'bytes, which Celery 5.2 cannot send',
  'compat52-events': 'events',
  'compat52-malformed-message-matrix': 'malformed on purpose',
}

const recordings = index.filter(({ category }) => CATEGORIES.includes(category))

test('each recording of a workflow, retry, time or result is read by a test', () => {
  const unread = recordings.filter(
    ({ name, category }) => !(SWEPT.has(category) || testsNaming(name).length > 0),
  )
  expect(unread).toEqual([])
})

test('each of them is made by our producer, worker or store in a test, or it is known why not', () => {
  const unmade = recordings
    .map(({ name }) => name)
    .filter((name) => !(name in MADE_BY_NOBODY_HERE))
    .filter(
      (name) => !testsNaming(name).some((file) => MAKERS.includes(file) || isRowOf(file, name)),
    )
  expect(unmade).toEqual([])
})

test('what is known not to be made here exists', () => {
  const names = recordings.map(({ name }) => name)
  expect(Object.keys(MADE_BY_NOBODY_HERE).filter((name) => !names.includes(name))).toEqual([])
})

/** Tests that compare a recording with what comes of the same call here. */
const MAKERS = [
  'results/recorded-results.test.ts',
  'results/redis-store.live.test.ts',
  'tasks/canvas.test.ts',
  'tasks/recorded-calls.test.ts',
  'worker/published-messages.test.ts',
  'worker/recorded-chords.test.ts',
  'worker/recorded-outcomes.test.ts',
]

const FOLDER = resolve(import.meta.dirname, '..')
const texts = new Map(
  readdirSync(FOLDER, { recursive: true, encoding: 'utf8' })
    .filter((path) => path.endsWith('.test.ts') && !path.endsWith('both-directions.test.ts'))
    .map((path) => [path, readFileSync(join(FOLDER, path), 'utf8')]),
)

function testsNaming(vector: string): string[] {
  const named = [...texts].filter(
    ([, text]) => text.includes(`'${vector}'`) || text.includes(`'${vector}: `),
  )
  return [...named.map(([path]) => path), ...(vector.includes('db') ? [ROWS] : [])]
}

/** This one goes through all rows, reads them and writes them again. */
const ROWS = 'results/taskmeta-row.test.ts'

function isRowOf(file: string, vector: string): boolean {
  return file === ROWS && /^(?:compat52-)?db/.test(vector)
}
