import { expect, expectTypeOf, test } from 'vitest'
import { typedTasks } from './calls.ts'

test('a task runs as the function it is', async () => {
  const { add, report, invoice } = typedTasks()
  expect(await add.run(2, 3)).toBe(5)
  expectTypeOf(add.run).parameters.toEqualTypeOf<[x: number, y: number]>()
  expectTypeOf(report.run).parameter(1).toEqualTypeOf<string>()
  expect(await invoice.run({ slug: 'a', copies: 2 })).toBe('aa')
})
