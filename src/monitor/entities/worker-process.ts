import { EntitySchema } from './schema/entity-schema.ts'
import { exactNumber } from './schema/exact-number.ts'

/** One process of a worker, and what shows whether it lives. */
export interface WorkerProcessRow {
  readonly hostname: string
  readonly pid: number
  readonly software: string | null
  readonly onlineAt: Date | null
  readonly lastHeartbeatAt: Date | null
  readonly offlineAt: Date | null
  /** A heartbeat reported that none of its tasks ran. */
  readonly idleAt: Date | null
  /** A new process came online with the same pid. */
  readonly restartedAt: Date | null
  /** When its reports showed that two living processes have its name and its pid. */
  readonly sharedAt: Date | null
  /** When it last sent an event of a task; null: it never did. */
  readonly taskEventAt: Date | null
  readonly heartbeatEveryS: number | null
  readonly processed: number | null
  /** As the broker's management API names it. */
  readonly connection: string | null
  readonly closedAt: Date | null
  readonly heardAt: Date
  /** How many tasks it ran when it last reported that, and when that was. */
  readonly active: number | null
  readonly activeAt: Date | null
  /** The same of the process that had its pid before it. */
  readonly activeBefore: number | null
  readonly activeBeforeAt: Date | null
  /** From which it takes tasks, as it answered last; null: it never answered. */
  readonly queues: readonly string[] | null
  /** How a Python worker runs its tasks: prefork, solo, … */
  readonly pool: string | null
  /** When it acknowledges its tasks, by their names; null: it did not say. */
  readonly acknowledges: Readonly<Record<string, 'early' | 'late'>> | null
}

const PRIMARY = { primary: true, primaryKeyConstraintName: 'worker_process_pkey' } as const

export const WorkerProcessEntity = new EntitySchema<WorkerProcessRow>({
  name: 'MonitorWorkerProcess',
  schema: 'monitor',
  tableName: 'worker_process',
  columns: {
    hostname: { name: 'hostname', type: 'text', ...PRIMARY },
    pid: { name: 'pid', type: 'integer', ...PRIMARY },
    software: { name: 'software', type: 'text', nullable: true },
    onlineAt: { name: 'online_at', type: 'timestamptz', nullable: true },
    lastHeartbeatAt: { name: 'last_heartbeat_at', type: 'timestamptz', nullable: true },
    offlineAt: { name: 'offline_at', type: 'timestamptz', nullable: true },
    idleAt: { name: 'idle_at', type: 'timestamptz', nullable: true },
    restartedAt: { name: 'restarted_at', type: 'timestamptz', nullable: true },
    sharedAt: { name: 'shared_at', type: 'timestamptz', nullable: true },
    taskEventAt: { name: 'task_event_at', type: 'timestamptz', nullable: true },
    heartbeatEveryS: { name: 'heartbeat_every_s', type: 'double precision', nullable: true },
    processed: { name: 'processed', type: 'bigint', transformer: exactNumber, nullable: true },
    connection: { name: 'connection', type: 'text', nullable: true },
    closedAt: { name: 'closed_at', type: 'timestamptz', nullable: true },
    heardAt: { name: 'heard_at', type: 'timestamptz', default: () => 'now()' },
    active: { name: 'active', type: 'integer', nullable: true },
    activeAt: { name: 'active_at', type: 'timestamptz', nullable: true },
    activeBefore: { name: 'active_before', type: 'integer', nullable: true },
    activeBeforeAt: { name: 'active_before_at', type: 'timestamptz', nullable: true },
    queues: { name: 'queues', type: 'text', array: true, nullable: true },
    pool: { name: 'pool', type: 'text', nullable: true },
    acknowledges: { name: 'acknowledges', type: 'jsonb', nullable: true },
  },
})
