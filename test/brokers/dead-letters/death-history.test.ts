import { expect, test } from 'vitest'
import { expiresInCircles, withDeath } from '../../../src/brokers/dead-letters/death-history.ts'

const PLACE = {
  queue: 'work',
  reason: 'rejected',
  route: { exchange: 'x', routingKey: 'work' },
} as const

test.each<[string, unknown, number]>([
  ['none', undefined, 1],
  ['no list', 'x-death', 1],
  ['things that are no deaths', [null, 'text', 7, ['list']], 1],
  ['a count that is no number', [{ queue: 'work', reason: 'rejected', count: 'many' }], 1],
  ['a count as text', [{ queue: 'work', reason: 'rejected', count: '4' }], 5],
  ['one from before', [{ queue: 'work', reason: 'rejected', count: 2 }], 3],
])('a death is counted on top of a history that holds %s', (_, deaths, count) => {
  const headers = withDeath({ own: 1, 'x-death': deaths }, PLACE)
  expect(headers).toMatchObject({ own: 1, 'x-death': [{ ...PLACE_OF_DEATH, count }] })
  expect(headers['x-death']).toHaveLength(1)
})

test('a message that did nothing but expire in this queue before goes in circles', () => {
  const expired = { queue: 'work', reason: 'expired', count: 1 }
  expect(expiresInCircles({ 'x-death': [expired] }, 'work')).toBe(true)
  expect(expiresInCircles({ 'x-death': [expired] }, 'other')).toBe(false)
  expect(expiresInCircles({ 'x-death': [expired, { reason: 'rejected' }] }, 'work')).toBe(false)
  expect(expiresInCircles({ 'x-death': [null] }, 'work')).toBe(false)
})

const PLACE_OF_DEATH = { queue: 'work', reason: 'rejected', exchange: 'x' }
