import { EntitySchema } from './schema/entity-schema.ts'
import { exactNumber } from './schema/exact-number.ts'

/** One worker, by its latest event. */
export interface WorkerRow {
  readonly hostname: string
  readonly pid: number | null
  readonly software: string | null
  readonly softwareVersion: string | null
  readonly platform: string | null
  readonly onlineAt: Date | null
  readonly lastHeartbeatAt: Date | null
  readonly offlineAt: Date | null
  readonly heartbeatEveryS: number | null
  readonly active: number | null
  readonly processed: number | null
  readonly loadAverage: readonly number[] | null
  readonly clock: number | null
  readonly updatedAt: Date
  /** How many seconds its clock is behind; null where it is right. */
  readonly driftS: number | null
}

export const WorkerEntity = new EntitySchema<WorkerRow>({
  name: 'MonitorWorker',
  schema: 'monitor',
  tableName: 'worker',
  columns: {
    hostname: {
      name: 'hostname',
      type: 'text',
      primary: true,
      primaryKeyConstraintName: 'worker_pkey',
    },
    pid: { name: 'pid', type: 'integer', nullable: true },
    software: { name: 'software', type: 'text', nullable: true },
    softwareVersion: { name: 'software_version', type: 'text', nullable: true },
    platform: { name: 'platform', type: 'text', nullable: true },
    onlineAt: { name: 'online_at', type: 'timestamptz', nullable: true },
    lastHeartbeatAt: { name: 'last_heartbeat_at', type: 'timestamptz', nullable: true },
    offlineAt: { name: 'offline_at', type: 'timestamptz', nullable: true },
    heartbeatEveryS: { name: 'heartbeat_every_s', type: 'double precision', nullable: true },
    active: { name: 'active', type: 'integer', nullable: true },
    processed: { name: 'processed', type: 'bigint', transformer: exactNumber, nullable: true },
    loadAverage: { name: 'load_average', type: 'double precision', array: true, nullable: true },
    clock: { name: 'clock', type: 'bigint', transformer: exactNumber, nullable: true },
    updatedAt: { name: 'updated_at', type: 'timestamptz', default: () => 'now()' },
    driftS: { name: 'drift_s', type: 'double precision', nullable: true },
  },
})
