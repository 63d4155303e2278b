import { expect, test } from 'vitest'
import { Recent } from '../../src/async/recent.ts'

test('the entries set longest ago are forgotten first', () => {
  const recent = new Recent<string, number>(2)
  recent.set('a', 1)
  recent.set('b', 2)
  recent.set('a', 3)
  recent.set('c', 4)
  expect(['a', 'b', 'c'].map((key) => recent.get(key))).toEqual([3, undefined, 4])
  expect([recent.delete('a'), recent.delete('b')]).toEqual([true, false])
})
