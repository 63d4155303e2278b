import { Engine, task, times, unordered } from 'celery-toolbox/flows'
import { expect, test } from 'vitest'

// Each copied what the others had left: twenty seconds of CPU.
test('10,000 steps that fail under one retry are each noted in its history, and run again once', {
  timeout: 120_000,
}, async () => {
  const runs = new Map<string, number>()
  const names = Array.from({ length: 10_000 }, (_, at) => `t${at}`)
  const steps = names.map((name) =>
    task(name, {
      execute: () => {
        runs.set(name, (runs.get(name) ?? 0) + 1)
        if (runs.get(name) === 1) throw new Error(name)
      },
    }),
  )
  const engine = new Engine(unordered('f', { retry: times('again', { attempts: 2 }) }, steps))
  await engine.run()
  expect(new Set(runs.values())).toEqual(new Set([2]))
  const [first] = engine.history('again') ?? []
  expect(Object.keys(first?.[1] ?? {})).toEqual(names)
})
