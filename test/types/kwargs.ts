import { expectTypeOf } from 'vitest'
import { z } from 'zod'
import { type AsyncResult, chain, type Task } from '../../src/index.ts'
import { typedTasks } from './calls.ts'

/** Never called: only compiled (npm run check). Each line that is wrong must be refused. */
export async function named(): Promise<void> {
  const { app, report } = typedTasks()
  await report.applyAsync([], { kwargs: { slug: 'a', options: { format: 'x' } }, countdown: 3 })
  await report.applyAsync(['a'], { kwargs: { options: { format: 'x' } } })
  await report.applyAsync(['a', { format: 'x' }], { kwargs: {} })
  // @ts-expect-error: options is lacking
  await report.applyAsync([], { kwargs: { slug: 'a' } })
  // @ts-expect-error: slug is lacking
  await report.applyAsync([], { kwargs: { options: { format: 'x' } } })
  // @ts-expect-error: both are lacking
  await report.applyAsync([], { kwargs: {} })
  // @ts-expect-error: options is lacking
  await report.applyAsync(['a'], { kwargs: {} })
  // @ts-expect-error: slug is given twice
  await report.applyAsync(['a'], { kwargs: { slug: 'b', options: { format: 'x' } } })
  // @ts-expect-error: no such parameter
  await report.applyAsync(['a'], { kwargs: { options: { format: 'x' }, bogus: true } })
  // @ts-expect-error: wrong property of a keyword argument
  await report.applyAsync(['a'], { kwargs: { options: { fmt: 'x' } } })
  // @ts-expect-error: wrong type of a keyword argument
  await report.applyAsync([], { kwargs: { slug: 1, options: { format: 'x' } } })
  // @ts-expect-error: wrong type by position
  await report.applyAsync([1], { kwargs: { options: { format: 'x' } } })
  // @ts-expect-error: no such option
  await report.applyAsync(['a'], { kwargs: { options: { format: 'x' } }, countdwn: 3 })

  const greet = app.task(
    'export.greeting',
    { params: ['name', 'mark', 'marks'] },
    async (name: string, mark?: '!' | '?', marks?: number) =>
      name + (mark ?? '').repeat(marks ?? 1),
  )
  const greeted = await greet.applyAsync(['a'], { kwargs: { marks: 3 } })
  expectTypeOf(greeted).toEqualTypeOf<AsyncResult<string>>()
  await greet.applyAsync([], { kwargs: { name: 'a', mark: '?' } })
  await greet.applyAsync(['a'], { kwargs: {} })
  await greet.applyAsync(['a', '!'], { kwargs: { marks: 2 } })
  // @ts-expect-error: name is lacking
  await greet.applyAsync([], { kwargs: { mark: '?', marks: 1 } })
  // @ts-expect-error: no such mark
  await greet.applyAsync(['a'], { kwargs: { mark: '.' } })

  const many = app.task('export.many', { params: ['first', 'rest'] }, (first: string[]) => first)
  await many.applyAsync([['a', 'b']])
  await many.applyAsync([], { kwargs: { first: ['a'] } })
  const pair = app.task(
    'export.pair',
    { params: ['of', 'by'] },
    (of: [number, 'a' | 'b'], by: { list: string[] }) => `${of[0]} ${by.list}`,
  )
  await pair.applyAsync([[1, 'a'], { list: ['x'] }], { priority: 3 })
  await pair.applyAsync([[1, 'a']], { kwargs: { by: { list: ['x'] } } })
  // @ts-expect-error: no such letter
  await pair.applyAsync([[1, 'c']], { kwargs: { by: { list: ['x'] } } })
}

/** Where nothing gives keyword arguments a place. */
export async function unnamed(): Promise<void> {
  const { app, add } = typedTasks()
  await add.applyAsync([2, 3], { kwargs: {} })
  // @ts-expect-error: y is lacking
  await add.applyAsync([2], { kwargs: {} })
  // @ts-expect-error: it has no names
  await add.applyAsync([], { kwargs: { x: 2, y: 3 } })
  const routed = app.task('export.routed', { queue: 'slow' }, (x: number) => x)
  // @ts-expect-error: it has no names, whatever its options
  await routed.applyAsync([], { kwargs: { x: 1 } })
  await routed.applyAsync([1], { queue: 'quick' })
  const bound = app.task('export.bound', { bind: true }, (self, x: number) => [
    x,
    self.request.kwargs,
  ])
  await bound.applyAsync([1], { kwargs: { colour: 'red' } })
  // @ts-expect-error: keyword arguments of a bound task do not fill its parameters
  await bound.applyAsync([], { kwargs: { x: 1 } })
  await app.task('export.none', async () => 1).applyAsync(undefined, { countdown: 1 })
  const any: Task<[x: number, y: number], number> = add
  await any.applyAsync([1, 2], { countdown: 1 })
}

export async function schemas(): Promise<void> {
  const { app, invoice } = typedTasks()
  await invoice.applyAsync([], { kwargs: { slug: 'a' } })
  await invoice.applyAsync([{ slug: 'a' }], { kwargs: { copies: 2 } })
  // @ts-expect-error: slug is lacking
  await invoice.applyAsync([], { kwargs: { copies: 2 } })
  // @ts-expect-error: slug is lacking
  await invoice.applyAsync([], { kwargs: {} })
  // @ts-expect-error: wrong type
  await invoice.applyAsync([], { kwargs: { slug: 'a', copies: '2' } })
  // @ts-expect-error: wrong type beside an input by position
  await invoice.applyAsync([{ slug: 'a' }], { kwargs: { copies: '2' } })
  const text = app.task('export.text', { schema: z.string() }, (input) => input.length)
  await text.delay('a')
  // @ts-expect-error: a text has no keys
  await text.applyAsync([], { kwargs: { input: 'a' } })
  const maybe = app.task(
    'export.maybe',
    { bind: true, schema: z.object({ slug: z.string() }).optional() },
    (_self, input) => input?.slug,
  )
  await maybe.delay()
  await maybe.applyAsync([], { kwargs: { slug: 'a' } })
  // @ts-expect-error: no such key
  await maybe.applyAsync([], { kwargs: { slog: 'a' } })
  const shape = app.task(
    'export.shape',
    { schema: z.union([z.object({ side: z.number() }), z.object({ radius: z.number() })]) },
    (input) => ('side' in input ? input.side : input.radius),
  )
  await shape.applyAsync([], { kwargs: { side: 1 } })
  // @ts-expect-error: neither of the two
  await shape.applyAsync([], { kwargs: { sides: 1 } })
}

export async function signatures(): Promise<void> {
  const { add, report, invoice } = typedTasks()
  await report.s().applyAsync(['a'], { kwargs: { options: { format: 'x' } } })
  // @ts-expect-error: options is lacking
  await report.s().applyAsync(['a'], { kwargs: {} })
  // @ts-expect-error: slug is lacking
  await report.s().applyAsync([], { kwargs: { options: { format: 'x' } } })
  await report.s({ format: 'x' }).applyAsync(['a'])
  // @ts-expect-error: its own argument would come first and be the slug
  await report.s({ format: 'x' }).applyAsync([], { kwargs: { slug: 'a' } })
  // @ts-expect-error: an immutable signature takes no keyword arguments
  await report.si('a', { format: 'x' }).applyAsync([], { kwargs: { slug: 'b' } })
  // @ts-expect-error: it has no names
  await add.s(1).applyAsync([], { kwargs: { x: 2 } })
  await invoice.s({ slug: 'a' }).applyAsync([], { kwargs: { copies: 2 } })
  // @ts-expect-error: wrong type
  await invoice.s({ slug: 'a' }).applyAsync([], { kwargs: { copies: 'two' } })
  await chain(report.s(), invoice.si({ slug: 'a' })).applyAsync(['a'], {
    kwargs: { options: { format: 'x' } },
  })
  // @ts-expect-error: options of the first step is lacking
  await chain(report.s(), invoice.si({ slug: 'a' })).applyAsync(['a'], { kwargs: {} })
  report.signature({ args: ['a'], kwargs: { options: { format: 'x' } } })
  report.signature({ args: [{ format: 'x' }] })
  report.signature({ kwargs: { options: { format: 'x' } } })
  // @ts-expect-error: no such parameter
  report.signature({ kwargs: { option: { format: 'x' } } })
  // @ts-expect-error: neither the first nor the last parameter
  report.signature({ args: [1] })
  // @ts-expect-error: it has no names
  add.signature({ args: [1], kwargs: { y: 2 } })
}
