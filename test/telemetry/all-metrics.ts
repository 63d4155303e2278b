import type { Connection } from '../../src/database/database.ts'
import { ConsumerMetrics } from '../../src/telemetry/metrics/consumer-metrics.ts'
import { Metrics } from '../../src/telemetry/metrics/metrics.ts'
import { MonitorMetrics } from '../../src/telemetry/metrics/monitor-metrics.ts'
import { QueueMetrics } from '../../src/telemetry/metrics/queue-metrics.ts'
import { RecordMetrics } from '../../src/telemetry/metrics/record-metrics.ts'
import { TaskMetrics } from '../../src/telemetry/metrics/task-metrics.ts'
import { WorkerMetrics } from '../../src/telemetry/metrics/worker-metrics.ts'

/** A database that is only named: nothing is asked of it. */
const nowhere: Connection = {
  query: () => Promise.reject(new Error('there is no database here')),
}

/** Every metric there is, with its type. */
export async function allMetrics(): Promise<ReadonlyMap<string, string>> {
  const { kit } = await Metrics.open()
  new MonitorMetrics(kit, () => ({ waiting: 0, lagMs: 0, isDatabaseAway: false }))
  new RecordMetrics(kit, { database: nowhere, queues: [] })
  new TaskMetrics(kit, { database: nowhere })
  new WorkerMetrics(kit, () => ({ running: 0, concurrency: 1 }))
  new ConsumerMetrics(kit, [{ problems: [] }])
  const depth = () => Promise.resolve({ messages: 0, consumers: 0 })
  new QueueMetrics(kit, { broker: { depth }, queues: [] })
  const metrics = await kit.registry.getMetricsAsJSON()
  const ours = metrics.filter(({ name }) => name.startsWith('celery_toolbox_'))
  return new Map(ours.map(({ name, type }) => [name, String(type)]))
}
