import type { Broker } from '../brokers/broker.ts'
import type { Config } from '../config/config.ts'
import type { Database } from '../database/database.ts'
import type { Logger } from '../logger.ts'
import type { EventQueueSettings } from './events/event-topology.ts'
import type { BatchReport } from './monitor-stats.ts'
import type { PrivacySettings } from './privacy/privacy.ts'
import type { RetentionSettings } from './retention/prune-timer.ts'
import type { StateOptions, StateSettings } from './states/state-jobs.ts'

export interface MonitorOptions {
  readonly broker: Broker
  readonly database: Database
  /** Names the queues, and the topology they are part of; says what may be stored, and for how long. */
  readonly config: Pick<Config, 'platformQueue' | 'topology'> &
    Partial<
      Pick<Config, 'MESSAGE_LIMIT_BYTES' | 'MESSAGE_LIMIT_NODES' | 'mirrorTopology' | 'TOPOLOGY'>
    > &
    EventQueueSettings &
    PrivacySettings &
    RetentionSettings &
    StateSettings
  /** Whether the events of workers are recorded, where the broker carries them. Default true. */
  readonly events?: boolean
  readonly logger?: Logger
  /** The most messages one transaction writes. Default 1000. */
  readonly batchSize?: number
  /** The most bytes one transaction writes, unless a single message is larger. Default 8 MiB. */
  readonly maxBatchBytes?: number
  /** The most messages taken from the queue and not yet recorded; fewer where they are long. Default seven batches. */
  readonly prefetch?: number
  /** Instead of the setting PRUNE_EVERY; 0 is never. */
  readonly pruneEveryMs?: number
  /** Called for each batch once it is committed and acked. */
  readonly onBatch?: (batch: BatchReport) => void
  /** How stored results become part of the record, and lost tasks are found. */
  readonly states?: StateOptions
}
