import { expect, test } from 'vitest'
import { embeddedApp, recordingLogger } from '../support/embedded-app.ts'

test('task_annotations changes the options of tasks, by name and for all', () => {
  const app = embeddedApp({
    task_annotations: {
      'export.pdf': { rate_limit: '10/s', time_limit: 5 },
      '*': { acks_late: true, time_limit: 7 },
    },
  })
  const pdf = app.task('export.pdf', { timeLimit: 1, maxRetries: 9 }, () => 1)
  const other = app.task('export.other', () => 1)
  // As in Celery, what is said of every task comes last.
  expect(pdf.options).toEqual({ timeLimit: 7, maxRetries: 9, rateLimit: '10/s', acksLate: true })
  expect(other.options).toEqual({ timeLimit: 7, acksLate: true })
})

test('of a list, the first that knows the task counts', () => {
  const app = embeddedApp({
    task_annotations: [
      { 'export.a': { priority: 3 } },
      { 'export.a': { priority: 5 } },
      { 'export.b': { priority: 7 } },
    ],
  })
  expect(app.task('export.a', () => 1).options.priority).toBe(3)
  expect(app.task('export.b', () => 1).options.priority).toBe(7)
})

test('as in Celery, an object answers for each task, and for any', () => {
  class Slower {
    readonly #priority = 4
    annotate({ name }: { readonly name: string }) {
      return name.startsWith('export.') ? { priority: this.#priority } : undefined
    }
    annotateAny() {
      return { rate_limit: '1/m' }
    }
  }
  const app = embeddedApp({ task_annotations: [new Slower(), { 'mail.b': { priority: 8 } }] })
  expect(app.task('export.a', () => 1).options).toEqual({ priority: 4, rateLimit: '1/m' })
  expect(app.task('mail.b', () => 1).options).toEqual({ priority: 8, rateLimit: '1/m' })
})

test('an attribute that has no effect is named, and a wrong value refused', () => {
  const logger = recordingLogger()
  const app = embeddedApp({ task_annotations: { '*': { '@on_failure': 1 } } }, { logger })
  app.task('export.a', () => 1)
  expect(logger.lines).toContainEqual(
    expect.objectContaining({
      level: 'warn',
      fields: { task: 'export.a', attribute: '@on_failure' },
    }),
  )
  const wrong = embeddedApp({ task_annotations: { '*': { rate_limit: 'often' } } })
  expect(() => wrong.task('export.a', () => 1)).toThrow(/rateLimit is often/)
})

test('None leaves an option to the settings, unless it means something of its own', () => {
  const app = embeddedApp({
    task_annotations: { '*': { time_limit: null, acks_late: null, rate_limit: null } },
  })
  const { options } = app.task('export.a', { timeLimit: 5, rateLimit: '1/m' }, () => 1)
  expect(options).toEqual({ timeLimit: undefined, acksLate: undefined, rateLimit: null })
})

test.each<[string, () => unknown]>([
  ['a promise', async () => ({ rate_limit: '1/m' })],
  ['1/m', () => '1/m'],
])('a method that answers %s is refused rather than passed over', (kind, annotate) => {
  const app = embeddedApp({ task_annotations: { annotate } })
  expect(() => app.task('export.a', () => 1)).toThrow(
    `task_annotations answers ${kind} for "export.a", expected an object of attributes`,
  )
})

test('what is neither a dict nor answers for tasks is refused', () => {
  for (const task_annotations of [new Map([['*', {}]]), [new Date()]]) {
    expect(() => embeddedApp({ task_annotations })).toThrow('task_annotations: ')
  }
})
