import { expect, test } from 'vitest'
import { type Compilation, compile, type Node } from '../../../src/flows/compilation/compile.ts'
import { Ledger } from '../../../src/flows/engine/ledger/ledger.ts'
import { Notifier } from '../../../src/flows/engine/ledger/notifier.ts'
import { Selector } from '../../../src/flows/engine/selector.ts'
import { type Flow, linear, task, unordered } from '../../../src/flows/index.ts'
import { silentLogger } from '../../../src/logger.ts'

const MANY = 500
/** Far below MANY × MANY. */
const FEW_READS = 20 * MANY

class CountingLedger extends Ledger {
  reads = 0

  override of(node: Node) {
    this.reads += 1
    return super.of(node)
  }
}

function opened(flow: Flow) {
  const compilation = compile(flow)
  const ledger = new CountingLedger(
    { id: 'f1', name: 'f', version: null, state: 'RUNNING', meta: {} },
    undefined,
    {
      compilation,
      notifier: new Notifier(silentLogger),
      store: undefined,
      epoch: undefined,
      eventOf: undefined,
    },
  )
  return { ledger, selector: new Selector(compilation, ledger), compilation }
}

function steps(name: string): Flow {
  const tasks = Array.from({ length: MANY }, (_, n) => task(`${name}${n}`))
  return unordered(name, {}, tasks)
}

function namesOf(nodes: Iterable<Node>): (string | undefined)[] {
  return [...nodes].map(({ atom }) => atom?.name)
}

function nodesOf({ atoms }: Compilation, name: string): Node[] {
  return atoms.filter(({ scope }) => scope.flow?.name === name)
}

test('each state is read a few times where many atoms of one batch are done', async () => {
  const { ledger, selector, compilation } = opened(
    linear('f', {}, [steps('a'), steps('b'), task('z')]),
  )
  const done = nodesOf(compilation, 'a')
  for (const node of done) ledger.changeState(node, 'SUCCESS')
  ledger.reads = 0
  const ready = new Set<Node>()
  await selector.addAfter(done, ready)
  expect(ready).toEqual(new Set(nodesOf(compilation, 'b')))
  expect(ledger.reads).toBeLessThan(FEW_READS)
})

test('each state is read a few times where many atoms are done one after another', async () => {
  const { ledger, selector, compilation } = opened(linear('f', {}, [steps('a'), task('z')]))
  ledger.reads = 0
  const ready = new Set<Node>()
  for (const node of nodesOf(compilation, 'a')) {
    ledger.changeState(node, 'SUCCESS')
    await selector.addAfter([node], ready)
  }
  expect(namesOf(ready)).toEqual(['z'])
  expect(ledger.reads).toBeLessThan(FEW_READS)
})

test('each state is read a few times where many atoms of one batch have failed', async () => {
  const { ledger, selector, compilation } = opened(steps('a'))
  for (const node of compilation.atoms) {
    ledger.changeState(node, 'FAILURE')
    ledger.setIntention(node, 'REVERT')
  }
  ledger.reads = 0
  const ready = new Set<Node>()
  await selector.addAfter(compilation.atoms, ready)
  expect(ready).toEqual(new Set(compilation.atoms))
  expect(ledger.reads).toBeLessThan(FEW_READS)
})

test('each state is read a few times where many atoms of one batch are reverted', async () => {
  const { ledger, selector, compilation } = opened(linear('f', {}, [steps('a'), steps('b')]))
  for (const node of compilation.atoms) {
    ledger.changeState(node, 'SUCCESS')
    ledger.setIntention(node, 'REVERT')
  }
  const undone = nodesOf(compilation, 'b')
  for (const node of undone) ledger.changeState(node, 'REVERTED')
  ledger.reads = 0
  const ready = new Set<Node>()
  await selector.addAfter(undone, ready)
  expect(ready).toEqual(new Set(nodesOf(compilation, 'a')))
  expect(ledger.reads).toBeLessThan(FEW_READS)
})
