import { isChord, isGroup } from '../../protocol/signature-tree/kinds.ts'
import { linksOf, withOptions } from '../../protocol/signature-tree/options.ts'
import {
  bodyOf,
  endsWithGroup,
  flatMembers,
  mapParts,
  tasksOf,
  unrolled,
  withBody,
  withTasks,
} from '../../protocol/signature-tree/parts.ts'
import type { SignatureDict } from '../../protocol/tasks/task-request.ts'
import { withEndOptions } from './freeze.ts'
import { bodyLinkedError, endingAsOne, linked, linkedError } from './rewrite.ts'

/**
 * The same signature as one member of a chord's header. Callbacks and errbacks of a chain or a chord that ends with a group are
 * those of the group's members, as in Celery, and not of the task that gathers them here.
 */
export function asHeaderMember(
  dict: SignatureDict,
  links: { readonly isOnHeader: boolean },
): SignatureDict {
  if (isGroup(dict) || !endsWithGroup(dict)) return endingAsOne(dict)
  const { link: _callbacks, link_error: _errbacks, ...options } = dict.options
  const [callbacks, errbacks] = [linksOf(dict, 'link'), linksOf(dict, 'link_error')]
  if (isChord(dict)) {
    const body = bodyLinkedError(linked(bodyOf(dict), callbacks), errbacks)
    return { ...withBody(dict, asHeaderMember(body, links)), options }
  }
  const steps = tasksOf(dict).map((step) => linkedError(unrolled(step), errbacks, links))
  const ends = steps.slice(-1).map((last) => {
    const called = isGroup(last) ? callingBack(last, callbacks) : linked(last, callbacks)
    return asHeaderMember(called, links)
  })
  return withTasks({ ...dict, options }, [...steps.slice(0, -1), ...ends])
}

/** In place of the members' own callbacks, as in Celery; on each member, as Python's chords drop the options of their header. */
function callingBack(group: SignatureDict, link: readonly SignatureDict[]): SignatureDict {
  return link.length === 0 ? group : mapParts(group, (member) => withOptions(member, { link }))
}

/** A member of a chord's header, the groups that it ends with counted by their members: each of these is in the chord's group. */
export function countedByLeaf(dict: SignatureDict, groupId: string): SignatureDict {
  if (!endsWithGroup(dict)) return endingAsOne(dict)
  if (isChord(dict)) return withBody(dict, countedByLeaf(bodyOf(dict), groupId))
  if (isGroup(dict)) {
    const leaves = flatMembers(dict).map((leaf) =>
      endsWithGroup(leaf)
        ? countedByLeaf(leaf, groupId)
        : withEndOptions(leaf, { group_id: groupId }),
    )
    return withTasks(dict, leaves)
  }
  const steps = tasksOf(dict).map(unrolled)
  const ends = steps.slice(-1).map((last) => countedByLeaf(last, groupId))
  return withTasks(dict, [...steps.slice(0, -1), ...ends])
}
