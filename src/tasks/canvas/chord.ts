import { randomUUID } from 'node:crypto'
import {
  type CallOptions,
  dictsOf,
  fromWireOptions,
  toWireOptions,
} from '../../protocol/call-options.ts'
import { isRecord } from '../../protocol/field-readers.ts'
import { readSignature } from '../../protocol/signatures.ts'
import type { SignatureDict } from '../../protocol/task-request.ts'
import { noteChild } from '../current-request.ts'
import type { Publisher, Started, StartWith } from '../publisher.ts'
import { endingAsOne } from './as-one.ts'
import {
  defined,
  flatMembers,
  headerGroup,
  isChain,
  isGroup,
  listOf,
  taskIdOf,
  tasksOf,
  withOptions,
} from './dicts.ts'
import { bodyWithId, endOptionsOf, frozen, withEndOptions, withTasks } from './freeze.ts'
import { frozenNode } from './frozen-node.ts'
import { withBehind } from './groups-to-chords.ts'
import { inheriting } from './inherited.ts'
import { linked, linkedError } from './link.ts'
import { callOptions, ownOptions } from './own-options.ts'

/** The task that waits for a chord's header; every worker offers it (Celery's own name and arguments). */
export const CHORD_UNLOCK = 'celery.chord_unlock'

/**
 * Publishes the header's members, each of which knows the body. Where the result backend counts them, the last to finish
 * starts it; otherwise a task that waits for all of them is published first, as Celery does with its database backend.
 */
export async function startChord(
  publisher: Publisher,
  chord: SignatureDict,
  { args = [], kwargs = {}, options = {}, isMember = false }: StartWith,
): Promise<Started> {
  const group = headerGroup(chord)
  const header = String(group.options.task_id || randomUUID())
  const { headers, priority, ...ofHeader } = ownOptions(group)
  const { whole, shared } = dividedOptions(chord, options)
  const own = withCallbacks(ownBody(publisher, chord, { ...shared, ...whole }), chord, options)
  const body = bodyOf(publisher, own, { groupId: outerGroupOf(own) ?? header, ...whole })
  const members = flatMembers(inheriting(group, { headers, priority })).map((member) =>
    frozen(endingAsOne(member), publisher.replyTo),
  )
  if (members.length === 0) return await publisher.start(body, { args: [[]], isMember })
  const isCounted = await publisher.beginChord(header, members)
  if (!isCounted) await publishUnlock(publisher, { groupId: header, body, members })
  const started = await Promise.all(
    members.map(async (member, index) =>
      publisher.start(member, {
        args,
        kwargs,
        options: { ...ofHeader, ...shared, groupId: header, groupIndex: index, chord: body },
        isMember: true,
      }),
    ),
  )
  const before = { id: header, members: started, parent: null }
  if (!isMember) noteChild(before)
  return frozenNode(own, before)
}

/** What is the whole's, and so its body's, and what is every header task's. */
function dividedOptions(
  dict: SignatureDict,
  options: CallOptions,
): { readonly whole: CallOptions; readonly shared: CallOptions } {
  const { link: _link, linkError: _linkError, ...others } = options
  const { chain, taskId, groupId, groupIndex, chord, ...shared } = others
  const own = fromWireOptions(dict.options).options
  const whole = defined<CallOptions>({
    chain: chain ?? own.chain,
    taskId,
    groupId: groupId ?? own.groupId,
    groupIndex: groupIndex ?? own.groupIndex,
    chord: chord ?? own.chord,
  })
  return { whole, shared }
}

/** The body alone: it has the chord's id, and is called as the header is, but for the delay. */
function ownBody(
  publisher: Publisher,
  chord: SignatureDict,
  { taskId, countdown: _seconds, eta: _time, ...call }: CallOptions,
): SignatureDict {
  const body = bodyWithId(chord)
  const called = { ...body, options: { ...callOptions(call), ...body.options } }
  const own = taskId === undefined ? called : withEndOptions(called, { task_id: taskId })
  return frozen(own, publisher.replyTo)
}

/** Callbacks of the chord, and of the call, are the body's, beside its own; no header task calls these errbacks. */
function withCallbacks(
  body: SignatureDict,
  { options }: SignatureDict,
  { link = [], linkError = [] }: CallOptions,
): SignatureDict {
  const callbacks = [...listOf(options.link), ...(dictsOf(link) ?? [])]
  const errbacks = [...listOf(options.link_error), ...(dictsOf(linkError) ?? [])]
  const called = callbacks.map((next) => readSignature(next)).reduce(linked, body)
  return errbacks
    .map((next) => readSignature(next))
    .reduce((whole, errback) => linkedError(whole, errback, { isOnHeader: false }), called)
}

/** The group of the chord that a body is a member of, where it took a member's place. */
function outerGroupOf(body: SignatureDict): string | undefined {
  const { group_id, chord } = endOptionsOf(body)
  return typeof group_id === 'string' && isRecord(chord) ? group_id : undefined
}

/** What follows the chord belongs to its body. */
function bodyOf(
  publisher: Publisher,
  own: SignatureDict,
  { chain = [], ...options }: CallOptions,
): SignatureDict {
  const body = frozen(withSteps(own, dictsOf(chain) ?? []), publisher.replyTo)
  return withEndOptions(body, toWireOptions(options))
}

/** The rest of the chain a chord stands in: more steps of a body that is a chain itself, else carried by the body. */
function withSteps(body: SignatureDict, reversed: readonly SignatureDict[]): SignatureDict {
  if (reversed.length === 0) return body
  if (isChain(body)) {
    const { task_id: _endsEarlier, ...options } = body.options
    return withTasks({ ...body, options }, [...tasksOf(body), ...reversed.toReversed()])
  }
  if (isGroup(body)) return withBehind(body, reversed.toReversed())
  return withOptions(body, { chain: reversed })
}

async function publishUnlock(
  publisher: Publisher,
  waiting: { groupId: string; body: SignatureDict; members: readonly SignatureDict[] },
): Promise<void> {
  const { queue, priority } = waiting.body.options
  const result = waiting.members.map((member) => [[taskIdOf(member), null], null])
  await publisher.publish({
    task: CHORD_UNLOCK,
    args: [waiting.groupId, waiting.body],
    kwargs: { interval: null, max_retries: null, result },
    // Nobody waits for its result.
    isMember: true,
    options: {
      countdown: 1,
      ignoreResult: true,
      priority: typeof priority === 'number' ? priority : null,
      ...(typeof queue === 'string' ? { queue } : {}),
    },
  })
}
