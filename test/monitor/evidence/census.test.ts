import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { censusOf } from '../../../src/monitor/evidence/census.ts'

test('what Python workers answer shows their queues and how they run tasks', () => {
  expect(censusOf(answers('active-queues'), answers('stats'))).toEqual([
    { hostname: 'w1@worker.example', queues: ['ctl.main'], pool: 'prefork' },
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
  expect(censusOf(queues, stats)).toEqual([
    { hostname: 'a@h', queues: ['q'], pool: 'solo' },
    { hostname: 'b@h', queues: ['q'], pool: 'unnamed' },
  ])
})

test('our own workers tell their queues alone', () => {
  expect(censusOf([{ 'n@h': [{ name: 'export' }] }], [])).toEqual([
    { hostname: 'n@h', queues: ['export'], pool: null },
  ])
})

function answers(command: string): Readonly<Record<string, unknown>>[] {
  const file = join(import.meta.dirname, `../../fixtures/celery/inspect-${command}.json`)
  const { replies } = JSON.parse(readFileSync(file, 'utf8')) as {
    replies: { body_json: Record<string, unknown> }[]
  }
  return replies.map(({ body_json }) => body_json)
}
