import { expect, test, vi } from 'vitest'
import { aborted } from '../../src/async/aborted.ts'
import { deferred } from '../../src/async/deferred.ts'
import { type Service, type ServiceParts, service } from '../../src/lifecycle/service.ts'
import { supervisor } from '../../src/lifecycle/supervisor.ts'

test('services start in order, drain and stop in reverse', async () => {
  const calls: string[] = []
  const it = supervisor({
    name: 'worker',
    services: ['events', 'control', 'consumers'].map((name) => recorded(calls, name)),
  })
  await it.start()
  await it.stop()
  await it.stop()
  expect(calls).toEqual([
    ...['start events', 'start control', 'start consumers'],
    ...['drain consumers', 'drain control', 'drain events'],
    ...['stop consumers', 'stop control', 'stop events'],
  ])
})

test('the first start that fails wins; what was started before it is stopped', async () => {
  const calls: string[] = []
  const it = supervisor({
    name: 'worker',
    services: [
      recorded(calls, 'events', { stop: () => Promise.reject(new Error('later failure')) }),
      recorded(calls, 'control', { start: () => Promise.reject(new Error('no server')) }),
      recorded(calls, 'consumers'),
    ],
  })
  await expect(it.start()).rejects.toThrow('no server')
  expect(calls).toEqual([
    'start events',
    'start control',
    'stop control',
    'drain events',
    'stop events',
  ])
})

test('a stop during the start cuts short the one that starts, and starts no other', async () => {
  const calls: string[] = []
  const begun = deferred()
  const it = supervisor({
    name: 'worker',
    services: [
      recorded(calls, 'events'),
      recorded(calls, 'control', {
        start: async ({ signal }) => {
          begun.resolve()
          await aborted(signal)
          signal.throwIfAborted()
        },
      }),
      recorded(calls, 'consumers'),
    ],
  })
  const starting = it.start()
  await begun.promise
  await Promise.all([
    expect(starting).rejects.toMatchObject({ code: 'SERVICE_STOPPED' }),
    it.stop({ withinMs: 60_000 }),
  ])
  expect(calls).toEqual([
    ...['start events', 'start control', 'stop control'],
    ...['drain events', 'stop events'],
  ])
})

test('a service that fails while it runs ends the whole', async () => {
  const it = supervisor({
    name: 'worker',
    services: [
      service({ name: 'events' }),
      service({
        name: 'control',
        start: async ({ fail }) => void setImmediate(() => fail(new Error('gone'))),
      }),
    ],
  })
  await it.start()
  expect(await it.ended).toMatchObject({ message: 'gone' })
  await it.stop()
})

test('services that do not stop share one deadline, and each is asked to stop', async () => {
  const calls: string[] = []
  const hang = { stop: () => new Promise<void>(() => undefined) }
  const it = supervisor({
    name: 'worker',
    services: ['one', 'two', 'three'].map((name) => recorded(calls, name, hang)),
  })
  await it.start()
  const beganAt = performance.now()
  await expect(it.stop({ withinMs: 1_000 })).rejects.toMatchObject({ code: 'SERVICE_STUCK' })
  expect(performance.now() - beganAt).toBeLessThan(2_500) // three deadlines would take three seconds
  await vi.waitFor(() => expect(calls.slice(6)).toEqual(['stop three', 'stop two', 'stop one']))
})

test('a grace that is over cuts short what all of them run', async () => {
  const it = supervisor({
    name: 'worker',
    services: ['one', 'two'].map((name) => service({ name, drain: (cut) => aborted(cut) })),
  })
  await it.start()
  const warm = it.stop()
  await it.stop({ graceMs: 0 })
  await warm
  expect(it.state).toBe('stopped')
})

function recorded(calls: string[], name: string, given: Partial<ServiceParts> = {}): Service {
  return service({
    name,
    start: async (run) => {
      calls.push(`start ${name}`)
      await given.start?.(run)
    },
    drain: async () => void calls.push(`drain ${name}`),
    stop: async (withinMs) => {
      calls.push(`stop ${name}`)
      await given.stop?.(withinMs)
    },
  })
}
