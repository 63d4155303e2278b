import type { Broker } from '../../brokers/broker.ts'
import type { Config } from '../../config/config.ts'
import type { Database } from '../../database/database.ts'
import type { Runnable } from '../../lifecycle/run-until-stopped.ts'
import { withHealth } from '../../lifecycle/with-health.ts'
import type { Logger } from '../../logger.ts'
import { eventQueueName } from '../../monitor/events/event-topology.ts'
import type { Monitor } from '../../monitor/monitor.ts'
import type { BatchReport } from '../../monitor/monitor-stats.ts'
import { ConsumerMetrics } from '../../telemetry/metrics/consumer-metrics.ts'
import { Metrics } from '../../telemetry/metrics/metrics.ts'
import { MonitorMetrics } from '../../telemetry/metrics/monitor-metrics.ts'
import { QueueMetrics } from '../../telemetry/metrics/queue-metrics.ts'
import { RecordMetrics } from '../../telemetry/metrics/record-metrics.ts'
import { TaskMetrics } from '../../telemetry/metrics/task-metrics.ts'
import { brokerProblems, queueProblems } from './broker-problems.ts'
import { DatabaseWatch } from './database-watch.ts'
import type { HealthAddress } from './health-address.ts'

export interface MonitorHealthParts {
  readonly address: HealthAddress
  readonly broker: Broker
  readonly database: Database
  readonly config: Config
  readonly logger: Logger
}

/** A monitor with health checks. `monitor` makes it, given the callback for its batches. */
export async function monitorWithHealth(
  parts: MonitorHealthParts,
  monitor: (onBatch: (batch: BatchReport) => void) => Monitor,
): Promise<Runnable> {
  const { address, broker, database, config, logger } = parts
  const metrics = await Metrics.open(logger)
  const { kit } = metrics
  const watch = new DatabaseWatch(database)
  const stats = () => {
    const { waiting, lagMs, isDatabaseAway } = made.stats()
    const { awayMs } = watch
    return {
      waiting,
      lagMs: Math.max(lagMs, awayMs),
      isDatabaseAway: isDatabaseAway || awayMs > 0,
    }
  }
  const recording = new MonitorMetrics(kit, stats)
  const tasks = new TaskMetrics(kit, { database, logger })
  const made = monitor((batch) => {
    recording.onBatch(batch)
    tasks.follow(batch.taskIds)
  })
  const ofEvents = broker.carriesEvents ? [eventQueueName(config)] : []
  const queues = [...config.workQueues(), config.platformQueue, ...ofEvents]
  metrics.add(recording)
  metrics.add(new ConsumerMetrics(kit, [broker]))
  metrics.add(tasks)
  metrics.add(new RecordMetrics(kit, { database, queues: config.workQueues() }))
  metrics.add(new QueueMetrics(kit, { broker, queues }))
  const broken = brokerProblems(broker)
  const service: Runnable = {
    start: async () => {
      await made.start()
      tasks.start()
      watch.start()
    },
    stop: async (how) => {
      watch.stop()
      await made.stop(how)
      await tasks.stop()
    },
  }
  return withHealth(service, {
    ...address,
    logger,
    metrics: async () => metrics.read(),
    problems: () => [
      ...broken(),
      ...queueProblems(made.problems),
      ...(stats().isDatabaseAway ? [`the database is away: ${database.safeUrl}`] : []),
    ],
  })
}
