import { randomUUID } from 'node:crypto'
import { MOST_AT_ONCE, mapSome } from '../../async/map-some.ts'
import { TaskError } from '../../errors.ts'
import { isRecord } from '../../protocol/field-readers.ts'
import { isGroup } from '../../protocol/signature-tree/kinds.ts'
import {
  defined,
  listOf,
  memberOptions,
  optionsOf,
  type SignatureOptions,
  withOptions,
} from '../../protocol/signature-tree/options.ts'
import {
  endOf,
  flatMembers,
  headerGroup,
  mapParts,
  taskNames,
} from '../../protocol/signature-tree/parts.ts'
import {
  type CallOptions,
  fromWireOptions,
  toWireOptions,
} from '../../protocol/tasks/call-options.ts'
import type { SignatureDict } from '../../protocol/tasks/task-request.ts'
import { type ResultTuple, tupleOfNode } from '../../results/result-node.ts'
import { currentRequest, noteChild } from '../calls/current-request.ts'
import type { Opening, Publisher, Started } from '../calls/publisher.ts'
import { bodyWithId, frozen, frozenNode, withEndOptions } from './freeze.ts'
import { asHeaderMember, bodyLinkedError, countedByLeaf, inheriting, linked } from './rewrite.ts'

/**
 * Publishes the header's members, each of which knows the body. Where the result backend counts them, the last to finish
 * starts it; otherwise a task that waits for all of them is published first, as Celery does with its database backend.
 */
export async function startChord(
  publisher: Publisher,
  chord: SignatureDict,
  opening: Opening,
): Promise<Started> {
  const { args, call, extra, isMember } = opening
  const group = headerGroup(chord)
  const ofHeader = optionsOf(group)
  const header = ofHeader.end.taskId ?? randomUUID()
  const own = withCallbacks(ownBody(publisher, chord, opening), opening)
  const body = bodyOf(own, { header, opening })
  const { chords } = await publisher.results()
  const links = { isOnHeader: publisher.linksChordHeaders }
  const members = flatMembers(inheriting(group, ofHeader.inherited))
    .map((member) =>
      chords?.beginTree === undefined
        ? asHeaderMember(member, links)
        : countedByLeaf(member, header),
    )
    .map((member) => frozen(member, { replyTo: publisher.replyTo, rootId: rootIdOf(body) }))
  if (members.length === 0)
    return await publisher.start(body, { args: [[]], isMember, isPart: true })
  const isCounted = await beginCounting(publisher, header, members)
  if (!isCounted) await publishUnlock(publisher, { groupId: header, body, members })
  const shared = { ...memberOptions(ofHeader), ...call, groupId: header, chord: body }
  const started = await mapSome(members, MOST_AT_ONCE, (member, groupIndex) =>
    publisher.start(member, {
      args,
      kwargs: headerKwargs(chord, opening),
      options: { ...shared, groupIndex },
      extra: { ...ofHeader.extra, ...extra },
      isMember: true,
      isPart: true,
    }),
  )
  const before = { id: header, members: started, parent: null }
  if (!isMember) noteChild(before)
  return frozenNode(own, before)
}

function headerKwargs(
  { kwargs: { kwargs: own } }: SignatureDict,
  { kwargs }: Opening,
): Readonly<Record<string, unknown>> {
  return isRecord(own) ? { ...own, ...kwargs } : kwargs
}

/** The body alone: it has the chord's id, and is called as the header is, but for the delay. */
function ownBody(
  publisher: Publisher,
  chord: SignatureDict,
  { call, extra, end: { taskId } }: SignatureOptions,
): SignatureDict {
  const { countdown: _seconds, eta: _time, parentId: _header, ...called } = call
  const body = withOptions(bodyWithId(chord), { ...toWireOptions(called), ...rootOf(), ...extra })
  // The chord's own id comes after the body's; one that the call gives comes before.
  const isCalledSo = taskId !== undefined && taskId !== chord.options.task_id
  const { replyTo } = publisher
  return frozen(isCalledSo ? withEndOptions(body, { task_id: taskId }) : body, {
    replyTo,
    rootId: rootIdOf(body),
  })
}

function rootIdOf({ options: { root_id } }: SignatureDict): string | undefined {
  return typeof root_id === 'string' ? root_id : undefined
}

/** A chord that a running task starts gives its body its family. */
function rootOf(): Readonly<Record<string, unknown>> {
  const caller = currentRequest()
  return caller === undefined ? {} : { root_id: caller.rootId ?? caller.id }
}

/** Callbacks of the chord, and of the call, are the body's, beside its own; no header task calls these errbacks. */
function withCallbacks(body: SignatureDict, { link, linkError }: SignatureOptions): SignatureDict {
  return bodyLinkedError(linked(body, link), linkError)
}

/** What the chord is part of, and the steps behind it, belong to its body, which carries them as in Celery. */
function bodyOf(
  own: SignatureDict,
  { header, opening }: { readonly header: string; readonly opening: Opening },
): SignatureDict {
  const { groupId, groupIndex, chord } = opening.end
  const place = defined<CallOptions>({
    groupId: groupId ?? (hasNoGroup(own) ? undefined : (outerGroupOf(own) ?? header)),
    groupIndex,
    chord,
  })
  const placed = withEndOptions(own, toWireOptions(place))
  const body = isGroup(placed)
    ? mapParts(placed, (member) => withEndOptions(member, { group_id: place.groupId }))
    : placed
  const { chain, isMember } = opening
  return withOptions(body, {
    // Celery 5.7 writes these two as well; they say nothing that its end does not.
    ...(isMember ? { add_to_parent: false } : {}),
    ...(groupId === undefined || isGroup(body) ? {} : { group_id: groupId }),
    ...(chain === undefined ? {} : { chain: [...chain, ...listOf(body.options.chain)] }),
  })
}

/** It took the place of a task that was in none. */
function hasNoGroup(body: SignatureDict): boolean {
  return endOf(body).options.group_id === null
}

/** The group of the chord that a body is a member of, where it took a member's place. */
function outerGroupOf(body: SignatureDict): string | undefined {
  const { group_id, chord } = endOf(body).options
  return typeof group_id === 'string' && isRecord(chord) ? group_id : undefined
}

/**
 * Begins to count a chord, where that can work: where Python's workers count in the same place (Redis), in any language; elsewhere only our own
 * workers count, so all members must be tasks of this app; one that becomes something else hands the chord over. False where the chord has to be waited for.
 */
async function beginCounting(
  publisher: Publisher,
  groupId: string,
  members: readonly SignatureDict[],
): Promise<boolean> {
  const { tasks, logger } = publisher
  const results = await publisher.results()
  if (!results.features.isShared) {
    throw new TaskError(
      'TASK_INVALID',
      `the result backend "${results.kind}" cannot do chords: set result_backend to db+postgresql://, redis:// or memory://`,
    )
  }
  if (results.chords === undefined) return false
  const isOurs = members.flatMap(taskNames).every((name) => tasks.get(name) !== undefined)
  if (results.chords.isSharedWithPython !== true && !isOurs) return false
  const nodes = members.map((member) => frozenNode(member, null))
  if (results.chords.beginTree !== undefined && nodes.some((node) => node.members !== null)) {
    await results.chords.beginTree({ id: groupId, members: nodes, parent: null })
  } else {
    await results.chords.begin(
      groupId,
      members.length,
      nodes.map(({ id }) => id),
    )
  }
  logger.debug({ groupId, members: members.length }, 'chord is counted')
  return true
}

/** The task that waits for a chord's header; every worker offers it (Celery's own name and arguments). */
export const CHORD_UNLOCK = 'celery.chord_unlock'

/** Publishes it for a chord whose members are signatures with their ids fixed. */
async function publishUnlock(
  publisher: Publisher,
  {
    groupId,
    body,
    members,
  }: {
    readonly groupId: string
    readonly body: SignatureDict
    readonly members: readonly SignatureDict[]
  },
): Promise<void> {
  const results = members.map((member) => tupleOfNode(frozenNode(member, null)))
  await publishUnlockOf(publisher, { groupId, body, results })
}

/** The same for members by their results; it goes where the body goes. */
export async function publishUnlockOf(
  publisher: Publisher,
  {
    groupId,
    body,
    results,
  }: {
    readonly groupId: string
    readonly body: SignatureDict
    readonly results: readonly ResultTuple[]
  },
): Promise<void> {
  const {
    queue,
    exchange,
    routingKey,
    headers,
    priority = null,
  } = fromWireOptions(body.options).options
  await publisher.publish({
    task: CHORD_UNLOCK,
    args: [groupId, body],
    kwargs: { interval: null, max_retries: null, result: results },
    // Its result is not read.
    isMember: true,
    options: {
      countdown: 1,
      ignoreResult: true,
      priority: typeof priority === 'number' ? priority : null,
      ...(typeof queue === 'string' ? { queue } : {}),
      ...(typeof exchange === 'string' ? { exchange } : {}),
      ...(typeof routingKey === 'string' ? { routingKey } : {}),
      ...(headers === undefined ? {} : { headers }),
    },
  })
}
