import { deferred } from '../../async/deferred.ts'
import type { WorkerReply } from '../../control/control-replies.ts'
import type { RevokedTasks } from '../../control/revoked-tasks.ts'
import type { Logger } from '../../logger.ts'
import type { App } from '../../tasks/app/app.ts'

interface MingleParts {
  readonly app: App
  readonly name: string
  readonly revoked: RevokedTasks
  /** Called when more tasks are known to be revoked. */
  readonly onRevoked: () => void
  readonly logger: Logger
}

const WAIT_MS = 1_000

/**
 * A worker that starts asks the others what is revoked, and sets its clock by theirs. Unlike Python's it does not wait a
 * second for them: it starts once its own question has come back to it, as theirs have come to them by then, and heeds
 * what is answered later as it comes. Never rejects.
 */
export async function mingle(parts: MingleParts): Promise<void> {
  const { app, name, revoked, logger } = parts
  const back = deferred()
  const onReply = (reply: WorkerReply): void => {
    for (const [worker, said] of Object.entries(reply)) {
      if (worker === name) back.resolve()
      else hear(said, parts)
    }
  }
  const asked = app.control.broadcast(
    'hello',
    { from_node: name, revoked: revoked.ids },
    { reply: true, timeoutMs: WAIT_MS, onReply },
  )
  const over = asked.then(
    (replies) => {
      logger.debug({ workers: replies.length - 1 }, 'asked other workers for revoked tasks')
    },
    (error: unknown) => {
      logger.warn({ err: error }, 'cannot ask other workers for revoked tasks')
    },
  )
  await Promise.race([back.promise, over])
}

function hear(said: unknown, { app, revoked, onRevoked }: MingleParts): void {
  if (typeof said !== 'object' || said === null) return
  const { clock, revoked: ids } = said as { readonly clock?: unknown; readonly revoked?: unknown }
  if (typeof clock === 'number' && Number.isSafeInteger(clock)) app.clock.adjust(clock)
  const more = revokedIds(ids)
  if (more.length === 0) return
  revoked.add(more)
  onRevoked()
}

/** A list of ids, or, from older workers, an object by them. */
export function revokedIds(revoked: unknown): readonly string[] {
  if (typeof revoked !== 'object' || revoked === null) return []
  const ids: readonly unknown[] = Array.isArray(revoked) ? revoked : Object.keys(revoked)
  return ids.filter((id) => typeof id === 'string' && id.length <= 2048) as string[] // only texts are left
}
