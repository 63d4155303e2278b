import { Engine } from 'celery-toolbox/flows'
import type { RandomFlow } from './random-flow.ts'
import { type Call, noted, Player } from './scenario.ts'

/** How a flow went, on TaskFlow or here. */
export interface Play {
  readonly calls: readonly Call[]
  readonly flow: string
  readonly atoms: Record<string, readonly string[]>
  readonly results: Record<string, unknown>
  readonly raised: string | null
}

export async function playHere(random: RandomFlow): Promise<Play> {
  const player = new Player()
  const engine = new Engine(player.flow(random.flow), {
    deferReverts: random.options.defer_reverts,
  })
  const raised = await engine.run().then(
    () => null,
    (error: Error) => error.name,
  )
  const atoms = engine.atoms().map(({ name, state, intention }) => [name, [state, intention]])
  return {
    calls: player.calls.map(comparable),
    flow: engine.state,
    atoms: Object.fromEntries(atoms),
    results: noted(await engine.fetchAll()) as Play['results'],
    raised,
  }
}

/** TaskFlow keeps failures that a retry has recovered (facts 11 and 12), so failures of the flow are not compared. */
function comparable({ args, ...call }: Call): Call {
  if (args === undefined || call.call === 'retry.revert') return call
  const { flow_failures: _, result, ...others } = args as Record<string, unknown>
  const isGiven = call.call === 'revert' && result !== null && result !== undefined
  return { ...call, args: { ...others, ...(isGiven && { result }) } }
}

/** What differs, as text; undefined where both went the same way. */
export function difference(random: RandomFlow, theirs: Play, ours: Play): string | undefined {
  const hasRetried = theirs.calls.some(({ returns }) => returns === 'RETRY')
  const raised = (play: Play) => (hasRetried ? play.raised !== null : play.raised)
  const parts: [string, unknown, unknown][] = [
    ['end', [theirs.flow, theirs.atoms, theirs.results], [ours.flow, ours.atoms, ours.results]],
    ['error', raised(theirs), raised(ours)],
    ['calls', callsOf(theirs, random.isLinear), callsOf(ours, random.isLinear)],
  ]
  const found = parts.find(([, one, other]) => stable(one) !== stable(other))
  return found && `${found[0]}: TaskFlow ${stable(found[1])}, here ${stable(found[2])}`
}

/** TaskFlow reverts atoms that never ran when they became ready in the batch of a failure (fact 13); ours does not. */
export function revertsWhatNeverRan({ calls }: Play): boolean {
  const ran = new Set<unknown>()
  return calls.some(({ atom, call }) => {
    if (call === 'execute' || call === 'retry.execute') ran.add(atom)
    return (call === 'revert' || call === 'retry.revert') && !ran.has(atom)
  })
}

/** All calls in order where it is defined; else the calls of each atom in their order. */
function callsOf({ calls }: Play, isTotal: boolean): unknown {
  if (isTotal) return calls
  const byAtom: Record<string, Call[]> = {}
  for (const call of calls) {
    const key = String(call.atom ?? call.link)
    byAtom[key] = [...(byAtom[key] ?? []), call]
  }
  return byAtom
}

function stable(value: unknown): string {
  return JSON.stringify(value, (_, item: unknown) =>
    typeof item === 'object' && item !== null && !Array.isArray(item)
      ? Object.fromEntries(Object.entries(item).sort(([a], [b]) => (a < b ? -1 : 1)))
      : item,
  )
}
