import { EntitySchema } from './schema/entity-schema.ts'

/** One task id: what was called, where it is, what came of it. */
export interface TaskRow {
  readonly taskId: string
  /** 'task'; 'flow' is a run of a flow, 'flow-step' an attempt at one of its steps. */
  readonly kind: string
  readonly name: string | null
  readonly state: string
  readonly args: unknown
  readonly kwargs: unknown
  readonly options: unknown
  readonly queue: string | null
  readonly routingKey: string | null
  readonly origin: string | null
  readonly lang: string | null
  readonly rootId: string | null
  readonly parentId: string | null
  readonly groupId: string | null
  readonly eta: Date | null
  readonly expires: Date | null
  readonly retries: number
  readonly publishedAt: Date | null
  readonly receivedAt: Date | null
  readonly startedAt: Date | null
  readonly finishedAt: Date | null
  readonly runtimeMs: number | null
  readonly worker: string | null
  readonly result: unknown
  readonly exception: string | null
  readonly traceback: string | null
  readonly creatorId: string | null
  readonly relatedType: string | null
  readonly relatedId: string | null
  readonly isResult: boolean
  readonly updatedAt: Date
  /** When the state was reached, by the clock of the process that reported it; null if only a message says so. */
  readonly stateAt: Date | null
  readonly followUps: unknown
  readonly replayOf: string | null
  readonly lost: unknown
  /** The furthest state that an event reported, and when: worker and runtime are of that event. */
  readonly eventState: string | null
  readonly eventAt: Date | null
  /** Why nothing is known of a task that should have been heard of. */
  readonly unheard: unknown
  /** Two calls were published under its id. */
  readonly clash: boolean | null
  /** A hash of the call that was no retry; of several the least. */
  readonly firstCall: string | null
  /** The date of the stored result that is recorded, as its worker wrote it. */
  readonly storedDate: Date | null
}

export const TaskEntity = new EntitySchema<TaskRow>({
  name: 'MonitorTask',
  schema: 'monitor',
  tableName: 'task',
  columns: {
    taskId: { name: 'task_id', type: 'text', primary: true, primaryKeyConstraintName: 'task_pkey' },
    kind: { name: 'kind', type: 'text', default: 'task' },
    name: { name: 'name', type: 'text', nullable: true },
    state: { name: 'state', type: 'text', default: 'PENDING' },
    args: { name: 'args', type: 'jsonb', nullable: true },
    kwargs: { name: 'kwargs', type: 'jsonb', nullable: true },
    options: { name: 'options', type: 'jsonb', nullable: true },
    queue: { name: 'queue', type: 'text', nullable: true },
    routingKey: { name: 'routing_key', type: 'text', nullable: true },
    origin: { name: 'origin', type: 'text', nullable: true },
    lang: { name: 'lang', type: 'text', nullable: true },
    rootId: { name: 'root_id', type: 'text', nullable: true },
    parentId: { name: 'parent_id', type: 'text', nullable: true },
    groupId: { name: 'group_id', type: 'text', nullable: true },
    eta: { name: 'eta', type: 'timestamptz', nullable: true },
    expires: { name: 'expires', type: 'timestamptz', nullable: true },
    retries: { name: 'retries', type: 'integer', default: 0 },
    publishedAt: { name: 'published_at', type: 'timestamptz', nullable: true },
    receivedAt: { name: 'received_at', type: 'timestamptz', nullable: true },
    startedAt: { name: 'started_at', type: 'timestamptz', nullable: true },
    finishedAt: { name: 'finished_at', type: 'timestamptz', nullable: true },
    runtimeMs: { name: 'runtime_ms', type: 'double precision', nullable: true },
    worker: { name: 'worker', type: 'text', nullable: true },
    result: { name: 'result', type: 'jsonb', nullable: true },
    exception: { name: 'exception', type: 'text', nullable: true },
    traceback: { name: 'traceback', type: 'text', nullable: true },
    creatorId: { name: 'creator_id', type: 'text', nullable: true },
    relatedType: { name: 'related_type', type: 'text', nullable: true },
    relatedId: { name: 'related_id', type: 'text', nullable: true },
    isResult: { name: 'is_result', type: 'boolean', default: false },
    updatedAt: { name: 'updated_at', type: 'timestamptz', default: () => 'now()' },
    stateAt: { name: 'state_at', type: 'timestamptz', nullable: true },
    followUps: { name: 'follow_ups', type: 'jsonb', nullable: true },
    replayOf: { name: 'replay_of', type: 'text', nullable: true },
    lost: { name: 'lost', type: 'jsonb', nullable: true },
    eventState: { name: 'event_state', type: 'text', nullable: true },
    eventAt: { name: 'event_at', type: 'timestamptz', nullable: true },
    unheard: { name: 'unheard', type: 'jsonb', nullable: true },
    clash: { name: 'clash', type: 'boolean', nullable: true },
    firstCall: { name: 'first_call', type: 'text', nullable: true },
    storedDate: { name: 'stored_date', type: 'timestamp', nullable: true },
  },
  indices: [
    { name: 'task_published_at_idx', columns: ['publishedAt'] },
    // By a hash, or by how a long text begins.
    { name: 'task_root_idx', columns: ['rootId'], synchronize: false },
    { name: 'task_name_idx', columns: ['name', 'publishedAt'], synchronize: false },
    { name: 'task_related_to_idx', columns: ['relatedId'], synchronize: false },
    // Partial ones, whose conditions TypeORM would write in words of its own.
    { name: 'task_unfinished_idx', columns: ['taskId'], synchronize: false },
    { name: 'task_waiting_idx', columns: ['queue', 'publishedAt'], synchronize: false },
    { name: 'task_running_idx', columns: ['worker'], synchronize: false },
    { name: 'task_resultless_idx', columns: ['stateAt'], synchronize: false },
    { name: 'task_open_idx', columns: ['publishedAt'], synchronize: false },
    { name: 'task_failed_idx', columns: ['state', 'finishedAt'], synchronize: false },
    { name: 'task_creator_idx', columns: ['creatorId', 'publishedAt'], synchronize: false },
    // By value, for arguments of any kind.
    { name: 'task_arguments_idx', columns: ['kwargs', 'args'], synchronize: false },
  ],
})
