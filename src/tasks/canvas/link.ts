import { isDeepStrictEqual } from 'node:util'
import { readSignature } from '../../protocol/signatures.ts'
import type { SignatureDict } from '../../protocol/task-request.ts'
import { headerGroup, isChord, isGroup, listOf, tasksOf, withOptions } from './dicts.ts'
import { withTasks } from './freeze.ts'
import { unchunked } from './maps.ts'

/**
 * The same signature that calls `next` with its result, too; of a chord that is its body's. Of a group it is its first
 * member's, as in Celery, and gets no result: a chord's body is called when all members are done.
 */
export function linked(signature: SignatureDict, next: SignatureDict): SignatureDict {
  const dict = unchunked(signature)
  if (isGroup(dict)) {
    const [first, ...others] = tasksOf(dict)
    const once = { ...next, immutable: true }
    return first === undefined ? dict : withTasks(dict, [linked(first, once), ...others])
  }
  if (!isChord(dict)) return added(dict, 'link', next)
  return withBody(dict, linked(readSignature(dict.kwargs.body), next))
}

/**
 * The same signature that calls `errback` where it fails, too. Of a group each member does; of a chord the body does, and so do chords in its header;
 * `task_allow_error_cb_on_chord_header` adds the header's tasks.
 * https://docs.celeryq.dev/en/stable/userguide/canvas.html#error-handling
 */
export function linkedError(
  signature: SignatureDict,
  errback: SignatureDict,
  { isOnHeader }: { readonly isOnHeader: boolean },
): SignatureDict {
  const dict = unchunked(signature)
  if (isGroup(dict)) {
    const members = tasksOf(dict).map((member) => linkedError(member, errback, { isOnHeader }))
    return withTasks(dict, members)
  }
  if (!isChord(dict)) return added(dict, 'link_error', errback)
  const header = headerGroup(dict)
  const members = tasksOf(header).map((member) => {
    const own = isOnHeader
      ? linkedError(member, withOptions(errback, { immutable: true }), { isOnHeader })
      : member
    return isChord(own) ? linkedError(own, errback, { isOnHeader }) : own
  })
  const body = linkedError(readSignature(dict.kwargs.body), errback, { isOnHeader })
  return withBody(withHeader(dict, withTasks(header, members)), body)
}

/** Each once, as in Python. */
function added(
  dict: SignatureDict,
  name: 'link' | 'link_error',
  next: SignatureDict,
): SignatureDict {
  const before = listOf(dict.options[name])
  const isThere = before.some((other) => isDeepStrictEqual(other, next))
  return isThere ? dict : withOptions(dict, { [name]: [...before, next] })
}

function withBody(chord: SignatureDict, body: SignatureDict): SignatureDict {
  return { ...chord, kwargs: { ...chord.kwargs, body } }
}

/** A list stays a list. */
function withHeader(chord: SignatureDict, group: SignatureDict): SignatureDict {
  const header = Array.isArray(chord.kwargs.header) ? tasksOf(group) : group
  return { ...chord, kwargs: { ...chord.kwargs, header } }
}
