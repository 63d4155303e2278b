import { isChord, isGroup } from '../../protocol/signature-tree/kinds.ts'
import { unchunked } from '../../protocol/signature-tree/maps.ts'
import { added, linksOf, withOptions } from '../../protocol/signature-tree/options.ts'
import {
  bodyOf,
  mapParts,
  tasksOf,
  withBody,
  withTasks,
} from '../../protocol/signature-tree/parts.ts'
import type { SignatureDict } from '../../protocol/task-request.ts'

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
  if (!isChord(dict)) return withLink(dict, 'link', next)
  return withBody(dict, linked(bodyOf(dict), next))
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
  if (!(isGroup(dict) || isChord(dict))) return withLink(dict, 'link_error', errback)
  return mapParts(dict, (part, place) => {
    if (place !== 'header') return linkedError(part, errback, { isOnHeader })
    const own = isOnHeader
      ? linkedError(part, withOptions(errback, { immutable: true }), { isOnHeader })
      : part
    return isChord(own) ? linkedError(own, errback, { isOnHeader }) : own
  })
}

/**
 * The body of a chord that calls the errbacks of the chord's options: a group in its own option where it has one, as that is
 * what its members call, else each of its members; any other body in its own option, where a failed header finds it.
 */
export function bodyLinkedError(body: SignatureDict, errback: SignatureDict): SignatureDict {
  return isGroup(body)
    ? inGroup(body, errback, { isFlattened: false })
    : withLink(body, 'link_error', errback)
}

/** A group in a group is flattened when it runs, so that its options say nothing. */
function inGroup(
  dict: SignatureDict,
  errback: SignatureDict,
  { isFlattened }: { readonly isFlattened: boolean },
): SignatureDict {
  if (isChord(dict)) return withBody(dict, inGroup(bodyOf(dict), errback, { isFlattened: false }))
  const { link_error: own } = dict.options
  const isCalledByMembers = isGroup(dict) && (isFlattened || own === undefined || own === null)
  if (!isCalledByMembers) return withLink(dict, 'link_error', errback)
  return mapParts(dict, (member) => inGroup(member, errback, { isFlattened: true }))
}

function withLink(
  dict: SignatureDict,
  name: 'link' | 'link_error',
  next: SignatureDict,
): SignatureDict {
  return withOptions(dict, { [name]: added(linksOf(dict, name), [next]) })
}
