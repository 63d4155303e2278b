import type { Database } from '../../../database/database.ts'

/** How a task waits in the vault. */
export interface VaultSituation {
  readonly dueAt: Date
  /** When it is published, or tried again. */
  readonly nextAt: Date
  /** Why, and when, the broker did not take it; null where it was not tried. */
  readonly problem: string | null
  readonly refusedAt: Date | null
}

/** Null where it does not wait there. */
export async function vaultSituation(
  database: Database,
  taskId: string,
): Promise<VaultSituation | null> {
  const [row] = await database.query<VaultSituation>(
    `SELECT due_at AS "dueAt", next_at AS "nextAt", problem, refused_at AS "refusedAt"
     FROM monitor.scheduled WHERE task_id = $1`,
    [taskId],
  )
  return row ?? null
}

/** What its reason does not say. */
export function inVault({ dueAt, nextAt, problem }: VaultSituation): string[] {
  const now = new Date()
  if (dueAt > now) return []
  if (problem !== null && nextAt > now) return [`it is tried again at ${nextAt.toISOString()}`]
  return ['what is due is published by a monitor, or a worker with ETA_VAULT: see that one runs']
}
