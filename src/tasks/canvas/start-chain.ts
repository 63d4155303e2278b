import { TaskError } from '../../errors.ts'
import { chainDict, chordDict, isChain, isChord } from '../../protocol/signature-tree/kinds.ts'
import { bodyOf, endsWithGroup, withBody, withTasks } from '../../protocol/signature-tree/parts.ts'
import type { SignatureDict } from '../../protocol/tasks/task-request.ts'
import type { Opening, Publisher, Started } from '../calls/publisher.ts'
import { frozen, frozenNode } from './freeze.ts'
import { type HeaderLinks, linkedSteps, splitBody, stepsOf, stepsWith } from './rewrite.ts'

/** Publishes the first step; the others travel with it, the next one last (`embed.chain`, PROTOCOL 2). */
export async function startChain(
  publisher: Publisher,
  chain: SignatureDict,
  opening: Opening,
): Promise<Started> {
  const { args, kwargs, call, extra, isMember } = opening
  const links = { isOnHeader: publisher.linksChordHeaders }
  const split = stepsOf(chain, links).flatMap((step) => splitBody(step, links))
  // Callbacks are of what the steps have become, as in Celery; then those behind the chain follow.
  const whole = stepsWith(groupsToChords(split, links), opening, links)
  const fixed = { replyTo: publisher.replyTo, rootId: call.rootId }
  const steps = groupsToChords(whole, links).map((step) => frozen(step, fixed))
  const [first, ...rest] = steps
  if (first === undefined) {
    throw new TaskError('TASK_INVALID', 'cannot start a chain that has no steps')
  }
  const options = { ...call, chain: rest.toReversed() }
  const startWith = { args, kwargs, options, extra, isMember, isPart: true }
  const started = await publisher.start(first, startWith)
  return rest.reduce((before, step) => frozenNode(step, before), started)
}

/**
 * A group cannot hand its results to a next step: with one behind it, it is the header of a chord. Done before a chain
 * is sent, as in Celery, whose workers lose the arguments of a chain that begins with a group.
 */
function groupsToChords(
  steps: readonly SignatureDict[],
  links: HeaderLinks,
): readonly SignatureDict[] {
  const at = steps.findIndex((step, index) => index < steps.length - 1 && endsWithGroup(step))
  const step = steps[at]
  if (step === undefined) return steps
  const behind = groupsToChords(steps.slice(at + 1), links)
  return [...steps.slice(0, at), withBehind(step, behind, links)]
}

/** The signature with these steps behind the group that it ends with. Callbacks of a chain are not those of what stands behind it. */
function withBehind(
  dict: SignatureDict,
  steps: readonly SignatureDict[],
  links: HeaderLinks,
): SignatureDict {
  if (isChain(dict)) {
    const { task_id: _endsEarlier, link: _its, link_error: _own, ...options } = dict.options
    const all = [...linkedSteps(dict, links), ...steps]
    return withTasks({ ...dict, options }, groupsToChords(all, links))
  }
  if (isChord(dict)) return withBody(dict, withBehind(bodyOf(dict), steps, links))
  const [only, another] = steps
  const body = only !== undefined && another === undefined ? only : chainDict(steps)
  return chordDict(dict, body)
}
