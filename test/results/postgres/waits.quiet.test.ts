import { expect, test } from 'vitest'
import { growthOf } from '../../support/growth.ts'
import { waitAll } from './watching.ts'

test('40,000 waits cost 2.3 times what 20,000 cost, at most', async () => {
  expect(await growthOf(20_000, waitAll, 2)).toBeLessThan(2.3)
})
