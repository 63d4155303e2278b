import { declaredPublisher } from '../brokers/declared-publisher.ts'
import { type Service, service } from '../lifecycle/service.ts'
import { type Logger, silentLogger } from '../logger.ts'
import { vaultDispatcher } from '../schedule/vault-dispatcher.ts'
import { redating } from './events/redate-tasks.ts'
import type { WorkerClocks } from './events/worker-clocks.ts'
import type { MonitorOptions } from './monitor-options.ts'
import { partitions } from './partitions.ts'
import { pruneTimer } from './retention/prune-timer.ts'
import { type VaultRecorderOptions, vaultRecorder } from './scheduled/vault-recorder.ts'
import { stateJobs } from './states/state-jobs.ts'

interface MonitorJobsParts
  extends MonitorOptions,
    Pick<VaultRecorderOptions, 'queues' | 'privacy'> {
  /** Its queue of events, where it has one. */
  readonly eventQueue: string | undefined
  readonly clocks: WorkerClocks
  /** The logger that names its queue. */
  readonly ownLogger: Logger
}

interface MonitorJobs {
  /** Makes the partitions, before there is anything to write to them. */
  readonly days: Service
  /** Begins once there is a record to work on. */
  readonly others: Service
}

/** What a monitor does again and again beside its record. */
export function monitorJobs(parts: MonitorJobsParts): MonitorJobs {
  const { broker, config, database, queues, privacy, ownLogger } = parts
  const { clocks, logger = silentLogger, pruneEveryMs: everyMs } = parts
  const publisher = declaredPublisher(broker, () => config.topology())
  const vault = { broker: publisher, database, queues, privacy, logger }
  const jobs = [
    redating(database, clocks, ownLogger),
    pruneTimer(database, config, { logger: ownLogger, everyMs }),
    ...stateJobs({ ...parts, logger, options: parts.states }),
    vaultRecorder(vault),
    vaultDispatcher(vault),
  ]
  const days = partitions(database, ownLogger)
  return { days, others: endingEarly(jobs, [days, ...jobs]) }
}

/** Starts these jobs; all that end are stopped as soon as the rest begins to drain, so that their last turns take no time of their own. */
function endingEarly(starting: readonly Service[], ending: readonly Service[]): Service {
  let ended: Promise<unknown> | undefined
  const end = async (): Promise<void> => {
    ended ??= Promise.allSettled(ending.map((job) => job.stop()))
    await ended
    await Promise.all(ending.map((job) => job.stop())) // rejects as the first that did not end
  }
  return service({
    name: 'jobs',
    start: async () => {
      for (const job of starting) await job.start()
    },
    drain: async () => void end().catch(() => undefined), // stop() hears of it
    stop: end,
  })
}
