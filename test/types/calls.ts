import { expectTypeOf } from 'vitest'
import { z } from 'zod'
import { type AsyncResult, chain, chord, group, type Task } from '../../src/index.ts'
import { embeddedApp } from '../support/embedded-app.ts'

/** What the compiler says of this file is the test (npm run check): each line that is wrong must be refused. */
export function typedTasks() {
  const app = embeddedApp()
  const add = app.task('export.add', async (x: number, y: number) => x + y)
  const greet = app.task('export.greet', (name: string, mark?: string) => `${name}${mark ?? '!'}`)
  const total = app.task('export.total', (xs: number[]) => xs.reduce((sum, x) => sum + x, 0))
  const report = app.task(
    'export.report',
    { bind: true, params: ['slug', 'options'] },
    async (self, slug: string, options: { format: string }) =>
      `${slug}.${options.format} ${self.request.id}`,
  )
  const invoice = app.task(
    'export.invoice',
    { schema: z.object({ slug: z.string(), copies: z.number().default(1) }) },
    async (input) => input.slug.repeat(input.copies),
  )
  return { app, add, greet, total, report, invoice }
}

/** Never called: only compiled. */
export async function calls(): Promise<void> {
  const { app, add, greet, report } = typedTasks()
  expectTypeOf(await add.delay(2, 3)).toEqualTypeOf<AsyncResult<number>>()
  expectTypeOf(await (await add.delay(2, 3)).get()).toEqualTypeOf<number>()
  // @ts-expect-error: wrong type
  await add.delay(2, 'x')
  // @ts-expect-error: too few
  await add.delay(2)
  // @ts-expect-error: too many
  await add.delay(2, 3, 4)
  await add.applyAsync([2, 3], { countdown: 3 })
  // @ts-expect-error: wrong type
  await add.applyAsync([2, 'x'])
  // @ts-expect-error: no such option
  await add.applyAsync([2, 3], { countdwn: 3 })
  // @ts-expect-error: no arguments
  await add.applyAsync()
  // @ts-expect-error: no arguments
  await add.applyAsync([])
  // @ts-expect-error: it receives no keyword arguments
  await add.applyAsync([2, 3], { kwargs: { z: 'nonsense' } })
  await greet.delay('a')
  await greet.applyAsync(['a', '?'])
  await report.delay('a', { format: 'x' })
  // @ts-expect-error: wrong property
  await report.delay('a', { fmt: 'x' })
  await report.applyAsync([], { kwargs: { slug: 'a', options: { format: 'x' } } })
  await report.applyAsync(['a'], { kwargs: { options: { format: 'x' } } })
  // @ts-expect-error: wrong type of a keyword argument
  await report.applyAsync([], { kwargs: { slug: 1 } })
  // @ts-expect-error: no such keyword argument
  await report.applyAsync(['a'], { kwargs: { bogus: true } })
  expectTypeOf(await (await app.sendTask('py.add', [1, 2])).get()).toEqualTypeOf<unknown>()
  expectTypeOf(await (await app.sendTask<number>('py.add')).get()).toEqualTypeOf<number>()
  const named: Task<[number, number], number> = app.task('a.b', (x: number, y: number) => x + y)
  await named.delay(1, 2)
}

export async function workflows(): Promise<void> {
  const { add, greet, total, report } = typedTasks()
  add.s(1, 2)
  add.s(2)
  add.s()
  // @ts-expect-error: wrong type
  add.s('nonsense')
  // @ts-expect-error: too many
  add.s(1, 2, 3)
  // @ts-expect-error: what is immutable needs all its arguments
  add.si(1)
  await add.s(1).delay(2)
  // @ts-expect-error: the first argument is a number
  await add.s(1).delay('x')
  // @ts-expect-error: one argument is lacking
  await add.s(1).applyAsync()
  await add.s(1, 2).applyAsync()
  const value = await (await chain(add.s(1, 2), add.s(3)).applyAsync()).get()
  expectTypeOf(value).toEqualTypeOf<number>()
  await chain(add.s(1, 2), report.si('a', { format: 'x' }), greet.s()).applyAsync()
  // @ts-expect-error: a number is passed to what takes a text
  chain(add.s(1, 2), greet.s())
  // @ts-expect-error: this step has all its arguments already
  chain(add.s(1, 2), add.s(3, 4))
  await chain(add.s(), add.s(1)).delay(1, 2)
  const group1 = await (await group(add.s(1, 2), greet.s('a')).applyAsync()).get()
  expectTypeOf(group1).toEqualTypeOf<readonly (string | number)[]>()
  const whole = await (await chord([add.s(1, 2), add.s(3, 4)], total.s()).applyAsync()).get()
  expectTypeOf(whole).toEqualTypeOf<number>()
  await chain(group(add.s(1, 2), add.s(3, 4)), total.s()).applyAsync()
  // @ts-expect-error: the body gets a list of numbers
  chord([add.s(1, 2)], greet.s())
  const mapped = await (await greet.map(['a', 'b']).applyAsync()).get()
  expectTypeOf(mapped).toEqualTypeOf<readonly string[]>()
  // @ts-expect-error: items of the wrong type
  greet.map([1])
  add.starmap([
    [1, 2],
    [3, 4],
  ])
  // @ts-expect-error: too few in a list
  add.starmap([[1]])
}

export async function schemas(): Promise<void> {
  const { invoice } = typedTasks()
  await invoice.delay({ slug: 'a' })
  await invoice.applyAsync([], { kwargs: { slug: 'a', copies: 2 } })
  // @ts-expect-error: the default is for one that is absent
  await invoice.delay({ slug: 'a', copies: 'two' })
  // @ts-expect-error: slug is lacking
  await invoice.delay({})
  // @ts-expect-error: no such keyword argument
  await invoice.applyAsync([], { kwargs: { slog: 'a' } })
}
