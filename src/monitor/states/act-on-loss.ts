import type { Database } from '../../database/database.ts'
import type { Logger } from '../../logger.ts'
import { textOfError } from '../../text-of-error.ts'
import type { Loss } from './loss.ts'
import { type LossPolicies, type LossPolicy, lossPolicyOf } from './loss-policy.ts'
import { type FoundLoss, noteReplay } from './note-finding.ts'

/** What was found, and what was done about it. */
export interface ReconciledLoss extends Loss {
  readonly action: LossPolicy
  /** The id under which it was published again. */
  readonly newId?: string
  /** Why it was not. */
  readonly problem?: string
}

interface ActionOptions {
  readonly policies?: LossPolicies | undefined
  readonly mayReplay: boolean
}

/** What is due for a loss by its policy. */
export function actionFor(
  { kind, candidate }: FoundLoss,
  { policies = {}, mayReplay }: ActionOptions,
): LossPolicy {
  if (kind === 'no-result') return 'leave'
  const policy = lossPolicyOf(candidate.name, policies)
  if (policy !== 'replay') return policy
  if (!mayReplay) return 'mark'
  // It may be what kills its workers.
  return candidate.isReplay ? 'mark' : 'replay'
}

interface ActParts {
  readonly database: Database
  readonly logger: Logger
  readonly replay: ((taskId: string) => Promise<string>) | undefined
}

/** Logs a loss, and publishes its task again where that is due. */
export async function actOnLoss(
  loss: ReconciledLoss,
  { database, logger, replay }: ActParts,
): Promise<ReconciledLoss> {
  const { taskId, name, kind, action, reason } = loss
  logger.warn({ taskId, name, kind, action, reason }, 'a task is lost')
  if (action !== 'replay' || replay === undefined) return loss
  try {
    const newId = await replay(taskId)
    await noteReplay(database, taskId, { replayed_as: newId })
    return { ...loss, newId }
  } catch (cause) {
    const problem = textOfError(cause)
    logger.error({ taskId, err: cause }, 'a lost task was not replayed')
    await noteReplay(database, taskId, { problem })
    return { ...loss, problem }
  }
}
