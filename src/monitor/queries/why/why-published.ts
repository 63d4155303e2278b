import { countText, grouped } from '../../../count-text.ts'
import type { Chord, HistoryTask } from './family.ts'
import type { QueueSituation } from './queue-situation.ts'
import { inVault, type VaultSituation } from './vault-situation.ts'

interface Surroundings {
  readonly queue: QueueSituation | null
  readonly vault: VaultSituation | null
  /** The chord that it is a member of. */
  readonly chord: Chord | undefined
}

/** What there is to say of a task that was published, in sentences. */
export function whyPublished(task: HistoryTask, { queue, vault, chord }: Surroundings): string[] {
  return [
    ...inShort(task, { vault, queue }),
    ...(vault === null ? [] : inVault(vault)),
    ...(queue === null ? [] : inQueue(queue)),
    ...replayed(task),
    ...(chord === undefined || !OVER.has(task.status) ? [] : [inChord(chord)]),
  ]
}

function inShort(task: HistoryTask, where: Pick<Surroundings, 'vault' | 'queue'>): string[] {
  const { status, reason, finishedAt, eta } = task
  const because = reason === null ? '' : `: ${reason}`
  switch (status) {
    case 'SUCCESS':
    case 'FAILURE':
    case 'REVOKED':
    case 'REJECTED':
    case 'IGNORED':
      return [`it has finished${at(finishedAt)}${ran(task)} with ${status}${because}`]
    case 'EXPIRED':
      return [`it will not run${because}`]
    case 'UNROUTED':
      return [`it will never run${because}`]
    case 'LOST':
      return [`it was lost${because}`]
    case 'SCHEDULED':
      return [`it is not due yet${because}, at ${eta?.toISOString()}`]
    case 'RETRY':
      if (reason?.startsWith('cut off')) return [`it was ${reason}`]
      return [
        `it is to be tried again${because}${eta === null ? '' : ` (due at ${eta.toISOString()})`}`,
      ]
    case 'SUSPENDED':
      return ['it is suspended, and in no process']
    case 'UNHEARD':
      return [`nothing is known of it since${because}`]
    case 'PENDING':
      return [pending(task, where)]
    default:
      return [`it is under way (${status})${because}`]
  }
}

/** Where its queue is empty, its worker has not reported that it took it. */
function pending(
  { reason, queue: name }: HistoryTask,
  { vault, queue }: Pick<Surroundings, 'vault' | 'queue'>,
): string {
  const because = reason === null ? '' : `: ${reason}`
  if (vault !== null) return `it is not published yet${because}`
  if (queue?.messages === 0)
    return `no worker has reported that it took it: published to queue ${name}`
  return `no worker has taken it yet${because}`
}

export const OVER: ReadonlySet<string> = new Set([
  'SUCCESS',
  'FAILURE',
  'REVOKED',
  'REJECTED',
  'EXPIRED',
])

function at(time: Date | null): string {
  return time === null ? '' : ` at ${time.toISOString()}`
}

function ran({ runtimeMs, worker }: HistoryTask): string {
  const spent = runtimeMs === null ? '' : ` after ${(runtimeMs / 1000).toFixed(3)} s`
  return `${spent}${worker === null ? '' : ` on worker ${worker}`}`
}

function inQueue({ name, ahead, messages, consumers, problem }: QueueSituation): string[] {
  const sentences = messages === 0 ? [] : [aheadOfIt(name, ahead)]
  if (consumers === 0) sentences.unshift(`no consumer is on queue ${name}: start a worker for it`)
  else if (consumers !== null)
    sentences.push(`queue ${name} has ${countText(consumers, 'consumer')}`)
  if (messages === 0)
    sentences.push(
      'no message waits in that queue: a worker that sends no events has it or had it (start it with -E), or it is gone',
    )
  else if (messages !== null)
    sentences.push(`${countText(messages, 'message waits', 'messages wait')} in that queue`)
  if (problem !== null) sentences.push(`the broker could not be queried: ${problem}`)
  return sentences
}

function aheadOfIt(queue: string, ahead: number): string {
  if (ahead === 0) return `nothing is ahead of it in queue ${queue}`
  return `${tasks(ahead)} ahead of it in queue ${queue}`
}

function tasks(count: number): string {
  return countText(count, 'task is', 'tasks are')
}

function replayed({ lost, replayOf }: HistoryTask): string[] {
  const sentences: string[] = []
  if (typeof lost?.replayed_as === 'string')
    sentences.push(`it was replayed as ${lost.replayed_as}`)
  if (typeof lost?.problem === 'string') sentences.push(`it was not replayed: ${lost.problem}`)
  if (replayOf !== null) sentences.push(`it is a replay of ${replayOf}`)
  return sentences
}

/** What a member that is done waits for, with the others. */
function inChord({ body, members, size }: Chord): string {
  const undone = members.filter(({ status }) => status !== 'SUCCESS').length + size - members.length
  return undone === 0
    ? `all ${grouped(size)} members of its chord have succeeded, after which ${body.name} runs`
    : `${grouped(undone)} of the ${grouped(size)} members of its chord have not succeeded, for which ${body.name} waits`
}
