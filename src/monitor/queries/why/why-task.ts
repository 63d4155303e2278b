import type { Database } from '../../../database/database.ts'
import { findTask } from '../show-task.ts'
import {
  type Chord,
  chordOf,
  readHistory,
  type Step,
  type TaskState,
  whatPrecedes,
} from './family.ts'
import { type AskedBroker, type QueueSituation, queueSituation } from './queue-situation.ts'
import { type VaultSituation, vaultSituation } from './vault-situation.ts'
import { type FlowSituation, flowSituation, inFlow } from './why-flow.ts'
import { OVER, whyPublished } from './why-published.ts'
import { whyUnpublished } from './why-unpublished.ts'

/** Why a task is as it is, and what it waits for. */
export interface TaskWhy {
  readonly taskId: string
  readonly name: string | null
  /** The status in the view; null of a step that is not published yet. */
  readonly status: string | null
  /** In words, what matters most first. */
  readonly why: readonly string[]
  /** The queue that a task waits in; null where it waits in none. */
  readonly queue: QueueSituation | null
  /** How it waits in the vault; null where it does not. */
  readonly vault: VaultSituation | null
  /** What a suspended flow waits for; null of anything else. */
  readonly flow: FlowSituation | null
  /** The tasks that must be done first. */
  readonly waitsFor: readonly TaskState[]
}

/**
 * Says in words why a task has not finished, or how it has; undefined where nothing is known of that id. A broker is
 * asked for what its queue holds, and not waited for long. The id may be the beginning of one, or that of a step that is
 * still to come.
 */
export async function whyTask(
  database: Database,
  broker: AskedBroker | undefined,
  idOrPrefix: string,
): Promise<TaskWhy | undefined> {
  const taskId = await findTask(database, idOrPrefix)
  if (taskId === undefined) return await whyStep(database, idOrPrefix)
  const [task] = await readHistory(database, [taskId])
  if (task === undefined) return undefined
  const vault = OVER.has(task.status) ? null : await vaultSituation(database, taskId)
  const isInQueue = vault === null && (WAITING.has(task.status) || task.doubt === 'given-back')
  const queue = isInQueue ? await queueSituation(database, broker, task) : null
  const chord = await chordOf(database, task)
  const flow = task.status === 'SUSPENDED' ? await flowSituation(database, taskId) : null
  return {
    taskId,
    name: task.name,
    status: task.status,
    why: [...whyPublished(task, { queue, vault, chord }), ...(flow === null ? [] : inFlow(flow))],
    queue,
    vault,
    flow,
    waitsFor: flow?.tasks ?? [],
  }
}

/** In a queue, or on its way to one. */
const WAITING: ReadonlySet<string> = new Set(['PENDING', 'RETRY'])

async function whyStep(database: Database, id: string): Promise<TaskWhy | undefined> {
  const step: Step | undefined = await whatPrecedes(database, id)
  if (step === undefined) return undefined
  const chord: Chord | undefined = step.as === 'chord' ? step.chord : undefined
  const waitsFor = chord === undefined ? [step.parent] : chord.members.filter(isUndone)
  return {
    taskId: id,
    name: step.name,
    status: null,
    why: whyUnpublished(step),
    queue: null,
    vault: null,
    flow: null,
    waitsFor: waitsFor
      .filter(isUndone)
      .map(({ taskId, name, status }) => ({ taskId, name, status })),
  }
}

function isUndone({ status }: TaskState): boolean {
  return status !== 'SUCCESS'
}
