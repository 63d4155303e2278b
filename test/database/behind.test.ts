import { expect, test } from 'vitest'
import { asBehind } from '../../src/database/behind.ts'
import { DatabaseError } from '../../src/errors.ts'

const PLACE = { table: 'monitor.claim', safeUrl: 'postgresql://db/history' }

test.each(['42P01', '3F000', '42703'])('what is missing is named with its cure: %s', (code) => {
  const cause = Object.assign(new Error('relation does not exist'), { code })
  const error = asBehind(cause, PLACE)
  expect(error).toBeInstanceOf(DatabaseError)
  expect(error).toMatchObject({
    cause,
    code: 'DATABASE_BEHIND',
    message:
      'postgresql://db/history has no table monitor.claim, or an older one; run "celery-toolbox migrate up"',
  })
})

test.each([new Error('no'), Object.assign(new Error('x'), { code: '23505' }), 'text', undefined])(
  'anything else stays as it came: %s',
  (cause) => {
    expect(asBehind(cause, PLACE)).toBe(cause)
  },
)
