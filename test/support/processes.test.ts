import { expect, test } from 'vitest'
import { startProcess } from './processes.ts'
import { waitFor } from './wait-for.ts'

const FOREVER = 'setInterval(() => {}, 1000)'

test('waiting for a line fails with the output when the process ends without it', async () => {
  const started = startProcess(process.execPath, ['-e', 'console.log("bye"); process.exit(4)'])
  await expect(started.waitForLine(/^ready$/m)).rejects.toThrow(/"code":4[\s\S]*bye/)
})

test('waiting for a line finds one that was printed just before the end', async () => {
  const started = startProcess(process.execPath, ['-e', 'console.log("ready 8080")'])
  expect((await started.waitForLine(/ready (\d+)/))[1]).toBe('8080')
})

test('a killed process reports the signal', async () => {
  const started = startProcess(process.execPath, ['-e', `console.log("up"); ${FOREVER}`])
  await started.waitForLine(/^up$/m)
  expect(await started.stop('SIGKILL')).toEqual({ code: null, signal: 'SIGKILL' })
})

test('a program that does not exist is named', async () => {
  const started = startProcess('no-such-program', [])
  await expect(started.waitForLine(/up/)).rejects.toThrow(/no-such-program/)
})

test('waiting past the deadline names what was waited for and what was seen last', async () => {
  const waiting = waitFor('the third row', () => Promise.reject(new Error('no table')), {
    deadlineMs: 20,
    everyMs: 5,
  })
  await expect(waiting).rejects.toThrow(
    /waited 20 ms for the third row; seen last: Error: no table/,
  )
})

test('waiting ends with the first answer that is one, zero included', async () => {
  const answers = [undefined, null, false, 0]
  expect(await waitFor('an answer', () => answers.shift())).toBe(0)
})
