import type { ResolvedRoute } from '../../protocol/routing/routes.ts'
import type { CallInput } from './task-call.ts'

/** A call with the options of its task. */
export interface OwnCall extends CallInput {
  /** The task is declared in the app that makes the call. */
  readonly isDeclared: boolean
}

/** Who makes a call. */
interface CalledBy {
  readonly isTask: boolean
  /** With task_inherit_parent_priority, that of the task that makes it. */
  readonly inherited: number | null | undefined
}

/**
 * The priority of a message: the call's or its task's, else the route's, else its caller's. Of nothing that is set comes what
 * Celery sends: no priority (null) where the call of a task names its queue, and 0 (undefined) elsewhere.
 */
export function priorityOf(
  { options, isDeclared, isFromSignature }: OwnCall,
  { priority: ofRoute, isRouted }: ResolvedRoute,
  { isTask, inherited }: CalledBy,
): number | null | undefined {
  if (options.priority !== undefined) return options.priority
  const given = ofRoute ?? inherited
  if (given !== undefined && given !== null) return given
  // A call by name has 0, unless a worker makes it for a signature. A router that knows the task makes it 0, too.
  const isOfTask = isDeclared || (isFromSignature === true && isTask)
  return options.queue !== undefined && isOfTask && !isRouted ? null : undefined
}
