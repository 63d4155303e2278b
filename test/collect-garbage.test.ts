import { setImmediate as turn } from 'node:timers/promises'
import { expect, test } from 'vitest'
import { collectAll } from '../src/collect-garbage.ts'

test.each([
  ['of a program that holds little is collected', undefined, true],
  ['of a program that holds more than is allowed is left alone', 1, false],
])('the heap %s', async (_what, mostBytes, isCollected) => {
  const letGo = weakly()
  await turn()
  collectAll(mostBytes)
  expect(letGo.deref() === undefined).toBe(isCollected)
})

/** In a function of its own, so that nothing else holds it. */
function weakly(): WeakRef<object> {
  return new WeakRef({})
}
