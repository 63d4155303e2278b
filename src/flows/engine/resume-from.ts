import { atomOf, type Compilation, isAtom, type Node } from '../compilation/compile.ts'
import { InvalidState, NotFound } from '../failures/flow-errors.ts'
import type { Ledger } from './ledger/ledger.ts'

/**
 * Puts a run back to where this step has not run yet: the step and all after it run again. What came before must have
 * succeeded and must not have been reverted, as it does not run again.
 */
export function resumeFrom(
  step: string,
  { compilation, ledger }: { readonly compilation: Compilation; readonly ledger: Ledger },
): void {
  const node = compilation.byName.get(step)
  if (node === undefined)
    throw new NotFound(`flow "${compilation.root.name}" has no step "${step}"`)
  const earlier = reached(node, 'before')
  refuseUndone(step, [...earlier].filter(isAtom), ledger)
  const again = reached(node, 'after').add(node)
  for (const one of compilation.atoms) {
    const { state } = ledger.of(one)
    if (again.has(one) || !DONE.has(state)) ledger.reset(one)
    else ledger.setIntention(one, state === 'IGNORE' ? 'IGNORE' : 'EXECUTE')
  }
  // The ends from which a run begins anew; from the others the engine resumes it.
  if (ledger.flow.state === 'REVERTED' || ledger.flow.state === 'SUCCESS')
    ledger.changeFlow('PENDING')
}

function refuseUndone(step: string, earlier: readonly Node[], ledger: Ledger): void {
  const undone = earlier.filter((node) => !DONE.has(ledger.of(node).state))
  if (undone.length === 0) return
  const names = undone.map((node) => `"${atomOf(node).name}" (${ledger.of(node).state})`)
  throw new InvalidState(
    `the run cannot resume from "${step}", as earlier steps are not done: ${names.join(', ')}`,
  )
}

const DONE: ReadonlySet<string> = new Set(['SUCCESS', 'IGNORE'])

function reached(start: Node, way: 'before' | 'after'): Set<Node> {
  const found = new Set<Node>(start[way])
  for (const node of found) for (const next of node[way]) found.add(next)
  found.delete(start)
  return found
}
