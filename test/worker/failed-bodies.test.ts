import { expect, test } from 'vitest'
import type { CeleryApp } from '../../src/create-app.ts'
import { TaskFailedError } from '../../src/errors.ts'
import { chord, group } from '../../src/tasks/canvas/canvas.ts'
import type { Signature } from '../../src/tasks/signature.ts'
import { embeddedApp, startWorker } from '../support/embedded-app.ts'
import { waitFor } from '../support/wait-for.ts'

const WAIT = { timeoutMs: 5_000 }

test('members of a failed group body get the exception of the header member, as in Celery', async () => {
  const { fails, same } = await failingApp()
  const result = await chord([same.s(1), fails], group(same.s(), same.s())).applyAsync()
  const failures = await memberFailures(result)
  expect(failures.map(({ excType }) => excType)).toEqual(['RangeError', 'RangeError'])
})

test('the body of a failed chord that is a task is a ChordError, and lists its errbacks as children', async () => {
  const { app, told, fails, same } = await failingApp()
  const body = same.s().linkError(app.signature('export.told'))
  const result = await chord([same.s(1), fails], body).applyAsync()
  await expect(result.get(WAIT)).rejects.toMatchObject({ excType: 'ChordError' })
  await waitFor('the errback', () => told.length > 0)
  const [called] = await result.children()
  const [errback] = (await called?.children()) ?? []
  expect(await errback?.get(WAIT)).toBe(result.id)
})

test('an errback of a failed body finds the failure stored', async () => {
  const { app, states, fails, same } = await failingApp()
  const body = same.s().linkError(app.signature('export.looks'))
  await chord([same.s(1), fails], body).applyAsync()
  await waitFor('the errback', () => states.length > 0)
  expect(states).toEqual(['FAILURE'])
})

test('errbacks of a chord in a failed group body are called, each once', async () => {
  const { app, told, fails, same } = await failingApp()
  const errback = app.signature('export.told')
  const inner = chord([same.s()], same.s()).linkError(errback)
  const body = group(inner, same.s().linkError(errback))
  const result = await chord([same.s(1), fails], body).applyAsync()
  await memberFailures(result)
  await waitFor('the errbacks', () => told.length >= 2)
  const ids = (result as unknown as { results: { id: string }[] }).results.map(({ id }) => id)
  expect([...told].sort()).toEqual([...ids].sort())
})

test('what stands behind a failed group body fails with a ChordError', async () => {
  const { app, fails, same } = await failingApp()
  const last = app.signature('export.same', [], {}, { taskId: 'the-end' })
  const body = group(same.s(), same.s()).set({ chain: [last] })
  await chord([same.s(1), fails], body).applyAsync()
  await expect(app.asyncResult('the-end').get(WAIT)).rejects.toMatchObject({
    excType: 'ChordError',
  })
})

test('a group that is the body of a failed chord in a header fails, calls its errbacks, and ends the outer chord', async () => {
  const { app, told, fails, same } = await failingApp()
  const last = app.signature('export.same', [], {}, { taskId: 'of-the-body' })
  const inner = chord([same.s(1), fails], group(last)).linkError(app.signature('export.told'))
  const result = await chord([same.s(2), inner], same.s()).applyAsync()
  await expect(result.get(WAIT)).rejects.toThrow('it fails')
  await waitFor('the errback', () => told.length > 0)
  expect(told).toEqual(['of-the-body'])
  const failure = app.asyncResult('of-the-body').get(WAIT)
  await expect(failure).rejects.toMatchObject({ excType: 'RangeError' })
})

test('members of a failed group body get an exception whose argument has no text', async () => {
  const { app, same } = await failingApp()
  app.task('export.odd', () => {
    const excArgs = [JSON.parse('{"toString": 1, "valueOf": 1}')]
    const failure = { taskId: 'x', state: 'FAILURE', excModule: null, traceback: null }
    throw new TaskFailedError({ ...failure, excType: 'OddError', excArgs })
  })
  const body = group(same.s(), same.s()).set({ linkError: [app.signature('export.told')] })
  const result = await chord([same.s(1), app.signature('export.odd')], body).applyAsync()
  const failures = await memberFailures(result)
  expect(failures.map(({ excType }) => excType)).toEqual(['OddError', 'OddError'])
})

async function memberFailures(result: unknown): Promise<readonly TaskFailedError[]> {
  const { results } = result as { readonly results: readonly { get(options: object): unknown }[] }
  const failures = await Promise.all(results.map((one) => one.get({ ...WAIT, propagate: false })))
  return failures.filter((failure) => failure instanceof TaskFailedError)
}

async function failingApp(): Promise<{
  readonly app: CeleryApp
  readonly told: unknown[]
  readonly states: string[]
  readonly fails: Signature
  readonly same: { s(...args: unknown[]): Signature }
}> {
  const app = embeddedApp()
  const told: unknown[] = []
  const states: string[] = []
  const same = app.task('export.same', (...args: unknown[]) => args[0])
  app.task('export.fails', () => {
    throw new RangeError('it fails')
  })
  app.task('export.told', (id: unknown) => {
    told.push(id)
    return id
  })
  app.task('export.looks', async (id: unknown) => {
    states.push(await app.asyncResult(String(id)).status())
  })
  await startWorker(app)
  return { app, told, states, fails: app.signature('export.fails'), same }
}
