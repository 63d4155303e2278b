import { expect, test } from 'vitest'
import { type Runnable, runUntilStopped } from '../../src/lifecycle/run-until-stopped.ts'

test('the first signal stops warmly, the second coldly', async () => {
  const stops: unknown[] = []
  let release: () => void = () => undefined
  const stopped = new Promise<void>((resolve) => {
    release = resolve
  })
  const service = recorded(stops, async ({ graceMs }) => {
    if (graceMs === 0) release()
    await stopped
  })
  const running = runUntilStopped(service, { graceMs: 7 })
  process.emit('SIGTERM', 'SIGTERM')
  process.emit('SIGINT', 'SIGINT')
  expect(await running).toBe('cold')
  expect(stops).toEqual([{ graceMs: 7 }, { graceMs: 0 }])
})

test('one signal is a warm stop, after which signals are no longer handled', async () => {
  const stops: unknown[] = []
  const before = process.listenerCount('SIGTERM')
  const running = runUntilStopped(recorded(stops))
  process.emit('SIGTERM', 'SIGTERM')
  expect(await running).toBe('warm')
  expect(stops).toEqual([{}])
  expect(process.listenerCount('SIGTERM')).toBe(before)
})

test('a service that cannot start is stopped, and its error reported', async () => {
  const stops: unknown[] = []
  const service = { ...recorded(stops), start: () => Promise.reject(new Error('no room')) }
  await expect(runUntilStopped(service)).rejects.toThrow('no room')
  expect(stops).toEqual([{ graceMs: 0 }])
})

test('a start that a signal cuts short is no failure', async () => {
  const cut = new AbortController()
  const service: Runnable = {
    start: async () => {
      await new Promise((_resolve, reject) => {
        cut.signal.addEventListener('abort', () => reject(new Error('cut short')))
      })
    },
    stop: async () => cut.abort(),
  }
  const running = runUntilStopped(service)
  process.emit('SIGINT', 'SIGINT')
  expect(await running).toBe('warm')
})

test('a service that ends by itself is stopped once it has started', async () => {
  const stops: unknown[] = []
  const before = process.listenerCount('SIGTERM')
  expect(await runUntilStopped(recorded(stops), { endsByItself: true })).toBeUndefined()
  expect(stops).toEqual([{}])
  expect(process.listenerCount('SIGTERM')).toBe(before)
})

function recorded(stops: unknown[], stop: Runnable['stop'] = () => Promise.resolve()): Runnable {
  return {
    start: () => Promise.resolve(),
    stop: async (options) => {
      stops.push(options)
      await stop(options)
    },
  }
}
