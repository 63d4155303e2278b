import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import {
  Engine,
  FileStore,
  type FlowStore,
  linear,
  MemoryStore,
  unordered,
  waitFor,
} from '../../../src/flows/index.ts'

const twice = () => [
  waitFor('go', { name: 'one', provides: 'first' }),
  waitFor('go', { name: 'two', provides: 'second' }),
]

function fileStore(): FlowStore {
  const folder = mkdtempSync(join(tmpdir(), 'signals-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  return new FileStore(folder, { isSynced: false })
}

test.each([
  ['memory', () => new MemoryStore()],
  ['files', fileStore],
] as const)(
  'signals of one name are used in their order, one a step, and are gone then (%s)',
  async (_, open) => {
    const persist = open()
    await persist.sendSignal('f1', 'go', 1)
    await persist.sendSignal('f1', 'other', 0)
    await persist.sendSignal('f1', 'go', 2)
    const engine = new Engine(linear('f', {}, twice()), { persist, flowId: 'f1' })
    await engine.run()
    expect(await engine.fetchAll()).toEqual({ first: 1, second: 2 })
    expect((await persist.signals('f1')).map(({ name }) => name)).toEqual(['other'])
  },
)

test('of two steps that wait for one signal at a time one gets it, the other waits on', async () => {
  const persist = new MemoryStore()
  const options = { persist, flowId: 'f1', waits: 'release', kind: 'parallel' } as const
  const first = new Engine(unordered('f', {}, twice()), options)
  await persist.sendSignal('f1', 'go', 1)
  await first.run()
  expect([first.state, first.waitsFor]).toEqual(['SUSPENDED', { signals: ['go'] }])
  await persist.sendSignal('f1', 'go', 2)
  const second = new Engine(unordered('f', {}, twice()), options)
  await second.run()
  expect(await second.fetchAll()).toEqual({ first: 1, second: 2 })
})

test('a signal is not lost with a process that had taken it', async () => {
  const persist = new MemoryStore()
  const make = (postExecute: () => unknown) =>
    waitFor('go', { provides: 'value', postExecute: () => void postExecute() })
  await persist.sendSignal('f1', 'go', 1)
  const broken = make(() => {
    throw new Error('killed')
  })
  await expect(new Engine(broken, { persist, flowId: 'f1' }).run()).rejects.toThrow('killed')
  const again = new Engine(
    make(() => undefined),
    { persist, flowId: 'f1' },
  )
  await again.run()
  expect(await again.fetch('value')).toBe(1)
})
