import { randomUUID } from 'node:crypto'
import { isRecord } from '../../protocol/field-readers.ts'
import { isGroup } from '../../protocol/signature-tree/kinds.ts'
import {
  defined,
  listOf,
  optionsOf,
  type SignatureOptions,
  withOptions,
} from '../../protocol/signature-tree/options.ts'
import { endOf, flatMembers, headerGroup, mapParts } from '../../protocol/signature-tree/parts.ts'
import { type CallOptions, toWireOptions } from '../../protocol/tasks/call-options.ts'
import type { SignatureDict } from '../../protocol/tasks/task-request.ts'
import { currentRequest, noteChild } from '../calls/current-request.ts'
import type { Publisher, Started } from '../calls/publisher.ts'
import { endingAsOne } from './as-one.ts'
import { bodyWithId, frozen, withEndOptions } from './freeze.ts'
import { frozenNode } from './frozen-node.ts'
import { memberOptions } from './group.ts'
import { inheriting, type Opening } from './inherited.ts'
import { bodyLinkedError, linked } from './link.ts'
import { publishUnlock } from './unlock.ts'

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
  const members = flatMembers(inheriting(group, ofHeader.inherited)).map((member) =>
    frozen(endingAsOne(member), publisher.replyTo),
  )
  if (members.length === 0)
    return await publisher.start(body, { args: [[]], isMember, isPart: true })
  const isCounted = await publisher.beginChord(header, members)
  if (!isCounted) await publishUnlock(publisher, { groupId: header, body, members })
  const shared = { ...memberOptions(ofHeader), ...call, groupId: header, chord: body }
  const started = await Promise.all(
    members.map(async (member, groupIndex) =>
      publisher.start(member, {
        args,
        kwargs: headerKwargs(chord, opening),
        options: { ...shared, groupIndex },
        extra: { ...ofHeader.extra, ...extra },
        isMember: true,
        isPart: true,
      }),
    ),
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
  return frozen(isCalledSo ? withEndOptions(body, { task_id: taskId }) : body, publisher.replyTo)
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
  { header, opening }: { readonly header: string; readonly opening: SignatureOptions },
): SignatureDict {
  const { groupId, groupIndex, chord } = opening.end
  const place = defined<CallOptions>({
    groupId: groupId ?? outerGroupOf(own) ?? header,
    groupIndex,
    chord,
  })
  const placed = withEndOptions(own, toWireOptions(place))
  const body = isGroup(placed)
    ? mapParts(placed, (member) => withEndOptions(member, { group_id: place.groupId }))
    : placed
  if (opening.chain === undefined || opening.chain.length === 0) return body
  return withOptions(body, { chain: [...opening.chain, ...listOf(body.options.chain)] })
}

/** The group of the chord that a body is a member of, where it took a member's place. */
function outerGroupOf(body: SignatureDict): string | undefined {
  const { group_id, chord } = endOf(body).options
  return typeof group_id === 'string' && isRecord(chord) ? group_id : undefined
}
