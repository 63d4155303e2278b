import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { censusOf } from '../../../src/monitor/evidence/census.ts'

test('what Python workers answer shows their queues and how they run tasks', () => {
  const recorded = {
    queues: answers('active-queues'),
    stats: answers('stats'),
    registered: answers('registered'),
  }
  expect(censusOf(recorded)).toEqual([
    { hostname: 'w1@worker.example', queues: ['ctl.main'], pool: 'prefork', acknowledges: {} },
  ])
})

test('before Celery 5.3 a solo pool is known by its process', () => {
  const queues = [
    { 'a@h': [{ name: 'q' }] },
    { 'b@h': [{ name: 'q' }] },
    { 'c@h': { error: 'no' } },
  ]
  const stats = [
    { 'a@h': { pid: 7, pool: { 'max-concurrency': 1, processes: [7] } } },
    { 'b@h': { pid: 7, pool: { 'max-concurrency': 2, processes: [8, 9] } } },
  ]
  expect(censusOf({ queues, stats, registered: [] })).toEqual([
    { hostname: 'a@h', queues: ['q'], pool: 'solo', acknowledges: null },
    { hostname: 'b@h', queues: ['q'], pool: 'unnamed', acknowledges: null },
  ])
})

test('workers say which tasks they acknowledge late; of a task without an answer nothing is known', () => {
  const queues = ['a@h', 'b@h', 'c@h'].map((name) => ({ [name]: [{ name: 'export' }] }))
  const registered = [
    { 'a@h': ['pay [acks_late=False]', 'pay [x] late [acks_late=True]', 'b [acks_late=True]'] },
    { 'b@h': ['pay [acks_late=True]', 'mail'] },
    { 'c@h': { error: 'no' } },
  ]
  const said = censusOf({ queues, stats: [], registered })
  expect(said.map(({ acknowledges }) => acknowledges)).toEqual([
    { pay: 'early', 'pay [x] late': 'late', b: 'late' },
    { pay: 'late' },
    null,
  ])
})

function answers(command: string): Readonly<Record<string, unknown>>[] {
  const file = join(import.meta.dirname, `../../fixtures/celery/inspect-${command}.json`)
  const { replies } = JSON.parse(readFileSync(file, 'utf8')) as {
    replies: { body_json: Record<string, unknown> }[]
  }
  return replies.map(({ body_json }) => body_json)
}
