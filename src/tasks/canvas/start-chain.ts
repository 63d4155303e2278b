import { TaskError } from '../../errors.ts'
import { isChain, isChord, isGroup } from '../../protocol/signature-tree/kinds.ts'
import { optionsOf, type SignatureOptions } from '../../protocol/signature-tree/options.ts'
import {
  bodyOf,
  tasksOf,
  unrolled,
  withBody,
  withTasks,
} from '../../protocol/signature-tree/parts.ts'
import { toWireOptions } from '../../protocol/tasks/call-options.ts'
import type { SignatureDict } from '../../protocol/tasks/task-request.ts'
import type { Opening, Publisher, Started } from '../calls/publisher.ts'
import { groupsToChords, withoutEmptyGroups } from './chain-steps.ts'
import { bodyWithId, frozen, frozenNode, withEndOptions } from './freeze.ts'
import { inheriting, linked, linkedError, linkedSteps, withLinks } from './rewrite.ts'

/** Publishes the first step; the others travel with it, the next one last (`embed.chain`, PROTOCOL 2). */
export async function startChain(
  publisher: Publisher,
  chain: SignatureDict,
  opening: Opening,
): Promise<Started> {
  const { args, kwargs, call, extra, isMember } = opening
  const own = stepsOf(publisher, chain)
  const split = own.flatMap((step) => splitBody(publisher, step))
  const links = { isOnHeader: publisher.linksChordHeaders }
  // Callbacks are of what the steps have become, as in Celery; then those behind the chain follow.
  const whole = stepsWith(publisher, groupsToChords(split, links), opening)
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

/** Nested chains are spliced in, groups of one are that one. */
function stepsOf(publisher: Publisher, chain: SignatureDict): readonly SignatureDict[] {
  const steps = tasksOf(chain).flatMap((step) =>
    isChain(step) ? spliced(publisher, step) : [unrolled(step)],
  )
  return withoutEmptyGroups(steps)
}

/**
 * Every member of a header carries the body: of a body that is a chain it carries the first step, and the others follow in
 * the outer chain, as in Celery. One that begins with a group stays whole: it is a chord itself.
 */
function splitBody(publisher: Publisher, chord: SignatureDict): readonly SignatureDict[] {
  if (!isChord(chord)) return [chord]
  const body = bodyWithId(chord)
  const [first] = isChain(body) ? tasksOf(body) : []
  const { link, linkError, chain, end } = optionsOf(chord)
  const isAlone = link.length + linkError.length === 0 && chain === undefined && !end.chord
  if (first === undefined || isGroup(first) || !isAlone) return [chord]
  const [start, ...others] = spliced(publisher, body)
  if (start === undefined) return [chord]
  return [withBody(chord, start), ...others.flatMap((step) => splitBody(publisher, step))]
}

/** A chord whose body is a chain: of a chord within it, each member carries the first step behind it, and not all of them. */
export function withSplitBody(publisher: Publisher, chord: SignatureDict): SignatureDict {
  const body = bodyOf(chord)
  if (!isChain(body)) return chord
  const steps = tasksOf(body).flatMap((step) => splitBody(publisher, step))
  return withBody(chord, withTasks(body, steps))
}

/** The options of a nested chain are those of its steps. */
function spliced(publisher: Publisher, chain: SignatureDict): readonly SignatureDict[] {
  const options = optionsOf(chain)
  const { call, inherited, extra } = options
  const { link: _its, link_error: _own, ...others } = chain.options
  const steps = linkedSteps(chain, { isOnHeader: publisher.linksChordHeaders })
  const own = withTasks({ ...chain, options: others }, steps)
  const [first, ...rest] = stepsOf(publisher, inheriting(own, inherited))
  if (first === undefined) return []
  const called = {
    ...first,
    args: first.immutable ? first.args : [...chain.args, ...first.args],
    options: { ...toWireOptions(call), ...extra, ...first.options },
  }
  return stepsWith(publisher, [called, ...rest], { ...options, link: [], linkError: [] })
}

/** The steps of a chain with all that its options say: errbacks of each, callbacks and membership of the last, and those behind it. */
function stepsWith(
  publisher: Publisher,
  steps: readonly SignatureDict[],
  { link, linkError, end, chain = [] }: SignatureOptions,
): readonly SignatureDict[] {
  const { linksChordHeaders: isOnHeader } = publisher
  const links = { isOnHeader, isStarted: true }
  const caught = steps.map((step) => linkedError(step, linkError, links))
  const last = caught.at(-1)
  if (last === undefined) return steps
  // Not beside a chord but on its body: Celery 5.2 gives what stands beside it to the header's tasks.
  const ended = called(withEndOptions(last, toWireOptions(end)), link)
  return [...caught.slice(0, -1), ended, ...chain.toReversed()]
}

/** Of a group each member is called back, which is what such an option of a group means. */
function called(step: SignatureDict, callbacks: readonly SignatureDict[]): SignatureDict {
  return isChord(step) ? linked(step, callbacks) : withLinks(step, 'link', callbacks)
}
