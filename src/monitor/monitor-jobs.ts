import { withDeadline } from '../async/with-deadline.ts'
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
  /** What is left of the grace of a stop. */
  readonly leftMs: () => number
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
  return {
    days: service({
      name: days.name,
      start: () => days.start(),
      stop: (withinMs) => endOrLeave([days], withinMs, parts),
    }),
    others: endingEarly(jobs, [days, ...jobs], parts),
  }
}

/** What is under way when the grace is over has had its time: so long, and it is left. */
const LAST_MS = 300

type Leaving = Pick<MonitorJobsParts, 'leftMs' | 'ownLogger'>

/** Starts these jobs; all that end are stopped as soon as the rest begins to drain, so that their last turns take no time of their own. */
function endingEarly(
  starting: readonly Service[],
  ending: readonly Service[],
  parts: Leaving,
): Service {
  return service({
    name: 'jobs',
    start: async () => {
      for (const job of starting) await job.start()
    },
    drain: async () => void endedAll(ending).catch(() => undefined), // stop() hears of it
    stop: (withinMs) => endOrLeave(ending, withinMs, parts),
  })
}

/** Each turn is a transaction, which ends with its connection. */
async function endOrLeave(
  jobs: readonly Service[],
  withinMs: number,
  { leftMs, ownLogger }: Leaving,
): Promise<void> {
  try {
    const ms = Math.min(withinMs, Math.max(leftMs(), LAST_MS))
    await withDeadline(endedAll(jobs), ms, () => CUT_SHORT)
  } catch (error) {
    if (error !== CUT_SHORT) throw error
    ownLogger.warn('a job beside the record is cut short: its next turn does that work')
  }
}

const CUT_SHORT = new Error('a job has not ended in time')

async function endedAll(jobs: readonly Service[]): Promise<void> {
  await Promise.all(jobs.map((job) => job.stop({ withinMs: Number.POSITIVE_INFINITY })))
}
