import { ProtocolError } from '../../errors.ts'
import { readSignature } from '../signatures.ts'
import type { SignatureDict } from '../tasks/task-request.ts'
import { isTask } from './kinds.ts'
import { listOf } from './options.ts'
import { mapParts, partsOf } from './parts.ts'

/** Workflows come from outside: nothing is done for one that nests deeper, or holds more signatures, than these. */
export const MOST_DEPTH = 250
export const MOST_SIGNATURES = 1_000_000

/** Throws where a workflow, with what stands in its options, is deeper or larger than anything that can be started. */
export function checkBounds(whole: SignatureDict): void {
  let left = MOST_SIGNATURES
  const check = (dict: SignatureDict, depth: number): void => {
    left -= 1
    if (depth > MOST_DEPTH) throw tooLarge(dict, `nests deeper than ${MOST_DEPTH} signatures`)
    if (left < 0) throw tooLarge(dict, `holds more than ${MOST_SIGNATURES} signatures`)
    for (const [, part] of partsOf(dict)) check(part, depth + 1)
    for (const name of ['link', 'link_error', 'chain', 'chord'] as const) {
      for (const other of listOf(dict.options[name])) {
        check(readSignature(other, `options.${name}`), depth + 1)
      }
    }
  }
  check(whole, 0)
}

/** The same workflow with each task in it changed; what stands in options stays as it is. */
export function mapTasks(
  dict: SignatureDict,
  change: (task: SignatureDict) => SignatureDict,
): SignatureDict {
  return isTask(dict) ? change(dict) : mapParts(dict, (part) => mapTasks(part, change))
}

function tooLarge({ task }: SignatureDict, how: string): ProtocolError {
  return new ProtocolError('MESSAGE_INVALID', `a workflow ${how}, at the signature of ${task}`)
}
