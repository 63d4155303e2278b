import { TaskError } from '../../errors.ts'
import { type CallOptions, dictsOf, toWireOptions } from '../../protocol/call-options.ts'
import { readSignature } from '../../protocol/signatures.ts'
import type { SignatureDict } from '../../protocol/task-request.ts'
import type { Publisher, Started, StartWith } from '../publisher.ts'
import {
  defined,
  isChain,
  isChord,
  listOf,
  tasksOf,
  unrolled,
  withOptions,
  withoutEmptyGroups,
} from './dicts.ts'
import { frozen, withEndOptions } from './freeze.ts'
import { frozenNode } from './frozen-node.ts'
import { groupsToChords } from './groups-to-chords.ts'
import { inheriting } from './inherited.ts'
import { linked } from './link.ts'
import { callOptions, ownOptions } from './own-options.ts'

/** Publishes the first step; the others travel with it, the next one last (`embed.chain`, PROTOCOL 2). */
export async function startChain(
  publisher: Publisher,
  chain: SignatureDict,
  { args = [], kwargs = {}, options = {}, isContinued = false, isMember = false }: StartWith,
): Promise<Started> {
  const { link, linkError, taskId, groupId, groupIndex, chord, chain: after, ...forFirst } = options
  const ends = defined<CallOptions>({ link, taskId, groupId, groupIndex, chord })
  const own = withEnds(withErrbacks(stepsOf(chain), chain, linkError), chain, ends)
  const steps = groupsToChords([...own, ...(dictsOf(after) ?? []).toReversed()]).map((step) =>
    frozen(step, publisher.replyTo),
  )
  const [first, ...rest] = steps
  if (first === undefined) {
    throw new TaskError('TASK_INVALID', 'cannot start a chain that has no steps')
  }
  const carried = rest.length > 0 || isContinued ? { chain: rest.toReversed() } : {}
  const started = await publisher.start(first, {
    args,
    kwargs,
    options: { ...forFirst, ...carried },
    isMember,
  })
  return rest.reduce((before, step) => frozenNode(step, before), started)
}

/** Nested chains are spliced in, groups of one are that one. */
function stepsOf(chain: SignatureDict): readonly SignatureDict[] {
  const steps = tasksOf(chain).flatMap((step) => (isChain(step) ? spliced(step) : [unrolled(step)]))
  return withoutEmptyGroups(steps)
}

/** What was set on a nested chain is its steps'. */
function spliced(chain: SignatureDict): readonly SignatureDict[] {
  const { headers, priority, ...others } = ownOptions(chain)
  const [first, ...rest] = stepsOf(inheriting(chain, { headers, priority }))
  if (first === undefined) return []
  const called = { ...first, options: { ...callOptions(others), ...first.options } }
  return withEnds(withErrbacks([called, ...rest], chain), chain, {})
}

/** A chain's errbacks belong to every step. */
function withErrbacks(
  steps: readonly SignatureDict[],
  chain: SignatureDict,
  linkError?: CallOptions['linkError'],
): readonly SignatureDict[] {
  const errbacks = [...listOf(chain.options.link_error), ...(dictsOf(linkError) ?? [])]
  if (errbacks.length === 0) return steps
  return steps.map((step) =>
    withOptions(step, { link_error: [...listOf(step.options.link_error), ...errbacks] }),
  )
}

/** A chain's id, callbacks and membership of a group or chord belong to its last step. */
function withEnds(
  steps: readonly SignatureDict[],
  chain: SignatureDict,
  { link, ...ends }: CallOptions,
): readonly SignatureDict[] {
  const last = steps.at(-1)
  if (last === undefined) return steps
  const { task_id: taskId, group_id: groupId, group_index: groupIndex, chord } = chain.options
  const own = defined<Record<string, unknown>>({
    task_id: taskId,
    group_id: groupId,
    group_index: groupIndex,
    chord,
  })
  const callbacks = [...listOf(chain.options.link), ...(dictsOf(link) ?? [])]
  // Not beside a chord but on its body: Celery 5.2 gives what stands beside it to the header's tasks.
  const ended = withEndOptions(last, { ...own, ...toWireOptions(ends) })
  return [...steps.slice(0, -1), callbacks.map((next) => readSignature(next)).reduce(called, ended)]
}

/** As the chain says, also where the step has this callback already. */
function called(step: SignatureDict, next: SignatureDict): SignatureDict {
  if (isChord(step)) return linked(step, next)
  return withOptions(step, { link: [...listOf(step.options.link), next] })
}
