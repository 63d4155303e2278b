import { grouped } from '../../../count-text.ts'
import type { Chord, HistoryTask, Step, TaskState } from './family.ts'

const MOST_NAMED = 10
/** From here nothing is published any more. */
const DEAD_ENDS: ReadonlySet<string> = new Set([
  'FAILURE',
  'REVOKED',
  'REJECTED',
  'EXPIRED',
  'UNROUTED',
])

/** What there is to say of a step that is not published yet, in sentences. */
export function whyUnpublished(step: Step): string[] {
  if (step.as === 'chord') return afterMembers(step.chord)
  if (step.as === 'errback') return afterFailure(step.parent)
  const between = step.between.map(({ name, id }) => (id === undefined ? name : `${name} (${id})`))
  return [
    afterParent(step.parent),
    ...(between.length === 0 ? [] : [`before it in the chain: ${between.join(', ')}`]),
  ]
}

function afterParent(parent: HistoryTask): string {
  const { status } = parent
  if (DEAD_ENDS.has(status))
    return `it will never be published, as it comes after ${named(parent)}${because(parent)}`
  if (status === 'SUCCESS')
    return `it comes after ${named(parent)}, and its own message is not recorded yet`
  return `it is published once ${named(parent)} has succeeded${because(parent)}`
}

function afterFailure(parent: HistoryTask): string[] {
  if (parent.status === 'FAILURE')
    return [
      `it runs as ${named(parent)}, and is not recorded: a worker may run it without a message`,
    ]
  if (parent.status === 'SUCCESS')
    return [`it will never be published: it is for the failure of ${named(parent)}`]
  return [`it is published only if ${named(parent)} fails`]
}

function afterMembers({ members, size }: Chord): string[] {
  const broken = members.filter(({ status }) => DEAD_ENDS.has(status))
  const undone = members.filter(({ status }) => status !== 'SUCCESS' && !DEAD_ENDS.has(status))
  const unseen = size - members.length
  const sentences: string[] = []
  if (broken.length > 0)
    sentences.push(`it will never run, as members of its chord did not succeed: ${list(broken)}`)
  if (undone.length > 0)
    sentences.push(
      `it waits for ${grouped(undone.length)} of the ${grouped(size)} members of its chord: ${list(undone)}`,
    )
  if (unseen > 0)
    sentences.push(
      `${grouped(unseen)} of the ${grouped(size)} members of its chord ${unseen === 1 ? 'is' : 'are'} not published yet`,
    )
  if (sentences.length === 0)
    sentences.push(
      `all ${grouped(size)} members of its chord have succeeded, and its own message is not recorded yet`,
    )
  return sentences
}

function list(tasks: readonly TaskState[]): string {
  const more = tasks.length - MOST_NAMED
  return [...tasks.slice(0, MOST_NAMED).map(named), ...(more > 0 ? [`and ${more} more`] : [])].join(
    '; ',
  )
}

function named({ name, taskId, status }: TaskState): string {
  return `${name ?? 'a task'} (${taskId}), which is ${status}`
}

function because({ reason }: HistoryTask): string {
  return reason === null ? '' : `: ${reason}`
}
