import { expect, test } from 'vitest'
import { type Deferred, deferred } from '../../../../src/async/deferred.ts'
import { type Compilation, compile, type Node } from '../../../../src/flows/compilation/compile.ts'
import { Ledger } from '../../../../src/flows/engine/ledger/ledger.ts'
import { Notifier } from '../../../../src/flows/engine/ledger/notifier.ts'
import { MemoryStore, task, unordered } from '../../../../src/flows/index.ts'
import type { Change } from '../../../../src/flows/storage/flow-store.ts'
import { plainAtom } from '../../../../src/flows/storage/records.ts'
import { silentLogger } from '../../../../src/logger.ts'

/** A store on a pool of connections: each save ends when the test says so. */
class PooledStore extends MemoryStore {
  readonly saves: { readonly states: Record<string, unknown>; readonly saved: Deferred<void> }[] =
    []

  override save({ atoms }: Change): never {
    const states = Object.fromEntries(atoms.map((atom) => [atom.name, plainAtom(atom).state]))
    const saved = deferred()
    this.saves.push({ states, saved })
    return saved.promise as never // MemoryStore itself saves at once
  }
}

function opened() {
  const store = new PooledStore()
  const compilation = compile(unordered('f', {}, [task('a'), task('b')]))
  const heard: string[] = []
  const notifier = new Notifier(silentLogger)
  notifier.on('task', ({ name, state }) => heard.push(`${name} ${state}`))
  const ledger = new Ledger(
    { id: 'f1', name: 'f', version: null, state: 'PENDING', meta: {} },
    undefined,
    { compilation, notifier, store, epoch: undefined, eventOf: undefined },
  )
  return { ledger, store, heard, a: nodeOf(compilation, 'a'), b: nodeOf(compilation, 'b') }
}

function nodeOf(compilation: Compilation, name: string): Node {
  const node = compilation.byName.get(name)
  if (node === undefined) throw new Error(`no ${name}`)
  return node
}

test('transitions of a parallel run are stored one after another, so that none overwrites a later one', async () => {
  const { ledger, store, heard, a, b } = opened()
  ledger.changeState(a, 'RUNNING')
  const first = ledger.flush()
  ledger.changeState(a, 'SUCCESS')
  const second = ledger.flush()
  ledger.changeState(b, 'RUNNING')
  const third = ledger.flush()
  expect(store.saves.map(({ states }) => states)).toEqual([{ a: 'RUNNING', b: 'PENDING' }])
  store.saves[0]?.saved.resolve()
  await first
  expect(heard).toEqual(['a RUNNING'])
  await new Promise(setImmediate)
  expect(store.saves.slice(1).map(({ states }) => states)).toEqual([{ a: 'SUCCESS', b: 'RUNNING' }])
  store.saves[1]?.saved.resolve()
  await Promise.all([second, third])
  expect(heard).toEqual(['a RUNNING', 'a SUCCESS', 'b RUNNING'])
})

test('a transition that could not be stored is a part of the next one', async () => {
  const { ledger, store, heard, a, b } = opened()
  ledger.changeState(a, 'RUNNING')
  const first = ledger.flush()
  store.saves[0]?.saved.reject(new Error('away'))
  await expect(first).rejects.toThrow('away')
  expect(heard).toEqual([])
  ledger.changeState(b, 'RUNNING')
  const second = ledger.flush()
  expect(store.saves[1]?.states).toEqual({ a: 'RUNNING', b: 'RUNNING' })
  store.saves[1]?.saved.resolve()
  await second
  expect(heard).toEqual(['a RUNNING', 'b RUNNING'])
})
