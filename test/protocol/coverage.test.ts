import { expect, test } from 'vitest'
import { CASE_CATEGORIES, ELSEWHERE, MESSAGE_CATEGORIES, RESULT_CATEGORIES } from './covered.ts'
import { index } from './recorded.ts'

const categories = [...new Set(index.map(({ category }) => category))].sort()

test('every category of recordings is read by a test, or is known to belong elsewhere', () => {
  const known = new Set([
    ...MESSAGE_CATEGORIES,
    ...RESULT_CATEGORIES,
    ...CASE_CATEGORIES,
    ...Object.keys(ELSEWHERE),
  ])
  expect([...known].sort()).toEqual(categories)
})
