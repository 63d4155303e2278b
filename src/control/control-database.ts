import type { Config } from '../config/config.ts'
import { namedDatabase } from '../config/result-backend.ts'
import type { Database } from '../database/database.ts'
import type { Logger } from '../logger.ts'
import { ControlTable } from './control-table.ts'

export type ControlDatabaseSettings = Pick<
  Config,
  | 'CONTROL_DATABASE'
  | 'QUEUE_PREFIX'
  | 'broker_transport_options'
  | 'control_queue_ttl'
  | 'result_backend'
>

/** Where remote control goes where the broker has no mailboxes; undefined where there is no such database. */
export function controlDatabaseUrl({
  CONTROL_DATABASE: wanted,
  result_backend: backend,
}: Partial<ControlDatabaseSettings>): string | undefined {
  if (wanted === undefined || wanted === false) return undefined
  return namedDatabase('CONTROL_DATABASE', wanted, backend)
}

/** The table of remote control in that database, for those who share the queues of this config. */
export function controlTableIn(
  database: Database,
  config: Partial<ControlDatabaseSettings>,
  logger: Logger,
): ControlTable {
  const { control_queue_ttl: seconds, broker_transport_options: options = {} } = config
  const prefix = options?.queue_name_prefix ?? `${config.QUEUE_PREFIX}-`
  return new ControlTable({
    database,
    space: String(prefix),
    expiresMs: seconds === null || seconds === undefined ? undefined : seconds * 1_000,
    logger,
  })
}
