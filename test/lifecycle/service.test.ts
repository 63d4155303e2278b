import { expect, test, vi } from 'vitest'
import { aborted } from '../../src/async/aborted.ts'
import { deferred } from '../../src/async/deferred.ts'
import { madeAtStart, type ServiceParts, service } from '../../src/lifecycle/service.ts'

const NEVER = new Promise<void>(() => undefined)

test('a service that is started and stopped twice starts and stops once', async () => {
  const { parts, calls } = recorded()
  const it = service(parts)
  await Promise.all([it.start(), it.start()])
  expect(it.state).toBe('ready')
  await Promise.all([it.stop(), it.stop()])
  await it.stop()
  expect(calls).toEqual(['start', 'drain', 'stop'])
  expect(it.state).toBe('stopped')
  expect(await it.ended).toBeUndefined()
})

test('a service that was never started stops without doing anything, and cannot start afterwards', async () => {
  const { parts, calls } = recorded()
  const it = service(parts)
  await it.stop()
  await expect(it.start()).rejects.toMatchObject({ code: 'SERVICE_STOPPED' })
  expect(calls).toEqual([])
})

test('a stop during the start cuts it short, then gives back what it had taken', async () => {
  const { parts, calls } = recorded({
    start: async ({ signal }) => {
      await new Promise((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason))
      })
    },
  })
  const it = service(parts)
  const starting = it.start()
  await Promise.all([
    expect(starting).rejects.toMatchObject({ code: 'SERVICE_STOPPED' }),
    it.stop(),
  ])
  expect(calls).toEqual(['start', 'stop'])
})

test('after a start that failed, stop gives back what it had taken', async () => {
  const { parts, calls } = recorded({ start: () => Promise.reject(new Error('no server')) })
  const it = service(parts)
  await expect(it.start()).rejects.toThrow('no server')
  await it.stop()
  await it.stop()
  expect(calls).toEqual(['start', 'stop'])
})

test('a start that hangs lets go of a stop within its time, and is stopped when it ends at last', async () => {
  const server = deferred()
  const { parts, calls } = recorded({ start: () => server.promise })
  const it = service(parts)
  const starting = it.start()
  await Promise.all([
    expect(starting).rejects.toMatchObject({ code: 'SERVICE_STOPPED' }),
    expect(it.stop({ withinMs: 20 })).rejects.toMatchObject({ code: 'SERVICE_STUCK' }),
  ])
  expect(calls).toEqual(['start'])
  server.resolve()
  await vi.waitFor(() => expect(calls).toEqual(['start', 'stop']))
})

test('a stop under a dead server ends within its time and names the step', async () => {
  const it = service({ name: 'mirror', stop: () => NEVER })
  await it.start()
  await expect(it.stop({ withinMs: 20 })).rejects.toThrow(
    'mirror: the stop did not finish within 20 ms',
  )
  await expect(it.stop()).rejects.toMatchObject({ code: 'SERVICE_STUCK' })
  expect(it.state).toBe('stopped')
})

test('a second stop shortens the grace of the first', async () => {
  const cuts: boolean[] = []
  const { parts, calls } = recorded({
    drain: async (cut) => {
      await aborted(cut)
      cuts.push(cut.aborted)
    },
  })
  const it = service(parts)
  await it.start()
  const warm = it.stop()
  await it.stop({ graceMs: 0 })
  await warm
  expect(calls).toEqual(['start', 'drain', 'stop'])
  expect(cuts).toEqual([true])
})

test('a drain that fails does not keep the stop from its turn', async () => {
  const { parts, calls } = recorded({ drain: () => Promise.reject(new Error('drain failed')) })
  const it = service(parts)
  await it.start()
  await expect(it.stop()).rejects.toThrow('drain failed')
  expect(calls).toEqual(['start', 'drain', 'stop'])
})

test('a service that is made at its start starts, drains and stops with it', async () => {
  const { parts, calls } = recorded()
  const it = madeAtStart('made', async () => service(parts))
  expect(calls).toEqual([])
  await it.start()
  await it.stop()
  expect(calls).toEqual(['start', 'drain', 'stop'])
  const none = madeAtStart('none', async () => undefined)
  await none.start()
  await none.stop()
})

test('a service that is stopped while it is made is not started', async () => {
  const { parts, calls } = recorded()
  const made = deferred()
  const it = madeAtStart('made', async () => {
    await made.promise
    return service(parts)
  })
  const starting = it.start()
  const stopping = it.stop()
  made.resolve()
  await expect(starting).rejects.toMatchObject({ code: 'SERVICE_STOPPED' })
  await stopping
  expect(calls).toEqual([])
})

test('a service that fails while it runs says so at once', async () => {
  const it = service({
    name: 'mirror',
    start: async ({ fail }) => {
      setImmediate(() => fail(new Error('connection gone')))
    },
  })
  await it.start()
  expect(await it.ended).toMatchObject({ message: 'connection gone' })
  await it.stop()
})

function recorded(given: Partial<ServiceParts> = {}): { parts: ServiceParts; calls: string[] } {
  const calls: string[] = []
  return {
    calls,
    parts: {
      name: 'mirror',
      start: async (run) => {
        calls.push('start')
        await given.start?.(run)
      },
      drain: async (cut) => {
        calls.push('drain')
        await given.drain?.(cut)
      },
      stop: async (withinMs) => {
        calls.push('stop')
        await given.stop?.(withinMs)
      },
    },
  }
}
