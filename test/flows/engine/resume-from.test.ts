import { expect, test } from 'vitest'
import {
  alwaysRevert,
  Engine,
  linear,
  MemoryStore,
  task,
  unordered,
} from '../../../src/flows/index.ts'

function lab() {
  const calls: string[] = []
  const failing = new Set<string>()
  const step = (name: string, options = {}) =>
    task(name, {
      ...options,
      execute: () => {
        calls.push(name)
        if (failing.has(name)) throw new Error(`${name} broke`)
      },
      revert: () => void calls.push(`${name} revert`),
    })
  return { calls, failing, step }
}

test('a failed run that was not resolved goes on from the step that failed', async () => {
  const { calls, failing, step } = lab()
  const persist = new MemoryStore()
  const make = () =>
    linear('f', {}, [step('a'), unordered('g', {}, [step('b'), step('c')]), step('d')])
  const options = { persist, flowId: 'f1' }
  failing.add('c')
  const first = new Engine(make(), { ...options, neverResolve: true })
  await expect(first.run()).rejects.toThrow('c broke')
  failing.clear()
  const second = new Engine(make(), { ...options, from: 'c' })
  await second.run()
  expect(second.state).toBe('SUCCESS')
  expect(calls).toEqual(['a', 'b', 'c', 'c', 'd'])
})

test('a run does not go on from a step after one that was reverted', async () => {
  const { failing, step } = lab()
  const persist = new MemoryStore()
  const make = () => linear('f', {}, [step('a'), step('b')])
  failing.add('b')
  await expect(new Engine(make(), { persist, flowId: 'f1' }).run()).rejects.toThrow('b broke')
  const second = new Engine(make(), { persist, flowId: 'f1', from: 'b' })
  await expect(second.run()).rejects.toMatchObject({
    name: 'InvalidState',
    message: expect.stringContaining('"a" (REVERTED)'),
  })
  await expect(
    new Engine(make(), { persist, flowId: 'f1', from: 'x' }).run(),
  ).rejects.toMatchObject({ name: 'NotFound' })
})

test('where a nested flow alone was reverted, the run goes on from its retry', async () => {
  const { calls, failing, step } = lab()
  const persist = new MemoryStore()
  const make = () =>
    linear('f', {}, [
      step('a'),
      linear('inner', { retry: alwaysRevert('r') }, [step('b')]),
      step('c'),
    ])
  const options = { persist, flowId: 'f1', deferReverts: false }
  failing.add('b')
  await expect(new Engine(make(), options).run()).rejects.toThrow('b broke')
  failing.clear()
  const second = new Engine(make(), { ...options, from: 'r' })
  await second.run()
  expect([second.state, calls]).toEqual(['SUCCESS', ['a', 'b', 'b revert', 'b', 'c']])
})

test('a run that goes on with another version of its flow has that one, and remembers the first', async () => {
  const persist = new MemoryStore()
  const make = (version: string) => linear('f', { version }, [task('a')])
  await new Engine(make('1'), { persist, flowId: 'f1' }).run()
  await new Engine(make('2'), { persist, flowId: 'f1' }).run()
  expect((await persist.load('f1'))?.flow).toMatchObject({
    version: '2',
    meta: { versions: ['1'] },
  })
})
