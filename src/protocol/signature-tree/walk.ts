import { ProtocolError } from '../../errors.ts'
import { readSignature } from '../signatures.ts'
import type { SignatureDict } from '../task-request.ts'
import { isTask } from './kinds.ts'
import { listOf } from './options.ts'
import { mapParts, type Place, partsOf } from './parts.ts'

/** Workflows come from outside: nothing is done for one that nests deeper, or holds more signatures, than these. */
export const MOST_DEPTH = 250
export const MOST_SIGNATURES = 1_000_000

/** Also what stands in a signature's options. */
export type Position = Place | 'root' | 'link' | 'link_error' | 'chain' | 'chord'

export type Visitor = (signature: SignatureDict, position: Position) => void

interface Bounds {
  readonly depth: number
  readonly budget: { left: number }
}

/** Shows each signature of a workflow, those in options among them; throws where it is deeper or larger than the bounds. */
export function visit(dict: SignatureDict, visitor: Visitor): void {
  visitIn(dict, 'root', visitor, { depth: 0, budget: { left: MOST_SIGNATURES } })
}

/** The same workflow with each task in it changed; what stands in options stays as it is. */
export function mapTasks(
  dict: SignatureDict,
  change: (task: SignatureDict) => SignatureDict,
): SignatureDict {
  return mapIn(dict, change, { depth: 0, budget: { left: MOST_SIGNATURES } })
}

/** Throws where a workflow is deeper or larger than anything that can be started. */
export function checkBounds(dict: SignatureDict): void {
  visit(dict, () => undefined)
}

function visitIn(dict: SignatureDict, position: Position, visitor: Visitor, bounds: Bounds): void {
  const within = deeper(dict, bounds)
  visitor(dict, position)
  for (const [place, part] of partsOf(dict)) visitIn(part, place, visitor, within)
  for (const name of ['link', 'link_error', 'chain', 'chord'] as const) {
    for (const other of listOf(dict.options[name])) {
      visitIn(readSignature(other, `options.${name}`), name, visitor, within)
    }
  }
}

function mapIn(
  dict: SignatureDict,
  change: (task: SignatureDict) => SignatureDict,
  bounds: Bounds,
): SignatureDict {
  const within = deeper(dict, bounds)
  return isTask(dict) ? change(dict) : mapParts(dict, (part) => mapIn(part, change, within))
}

function deeper({ task }: SignatureDict, { depth, budget }: Bounds): Bounds {
  budget.left -= 1
  if (depth > MOST_DEPTH) throw tooLarge(task, `nests deeper than ${MOST_DEPTH} signatures`)
  if (budget.left < 0) throw tooLarge(task, `holds more than ${MOST_SIGNATURES} signatures`)
  return { depth: depth + 1, budget }
}

function tooLarge(task: string, how: string): ProtocolError {
  return new ProtocolError('MESSAGE_INVALID', `a workflow ${how}, at the signature of ${task}`)
}
