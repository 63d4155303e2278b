import type { Runnable } from '../../lifecycle/run-until-stopped.ts'
import { withHealth } from '../../lifecycle/with-health.ts'
import type { App } from '../../tasks/app/app.ts'
import { ConsumerMetrics } from '../../telemetry/metrics/consumer-metrics.ts'
import { Metrics } from '../../telemetry/metrics/metrics.ts'
import { WorkerMetrics } from '../../telemetry/metrics/worker-metrics.ts'
import type { Worker } from '../../worker/worker.ts'
import type { WorkerOptions } from '../../worker/worker-options.ts'
import { brokerProblems, queueProblems } from './broker-problems.ts'
import type { HealthAddress } from './health-address.ts'

/** A worker with health checks. `worker` makes it, given the callback for its runs. */
export async function workerWithHealth(
  app: App,
  address: HealthAddress,
  worker: (options: Pick<WorkerOptions, 'onRun' | 'onBlocked'>) => Worker,
): Promise<{ readonly worker: Worker; readonly service: Runnable }> {
  const { logger } = app
  const metrics = await Metrics.open(logger)
  const seen = new WorkerMetrics(metrics.kit, () => ({
    running: made.running,
    concurrency: made.settings.concurrency,
  }))
  const made = worker({
    onRun: (run) => seen.onRun(run),
    onBlocked: (block) => seen.onBlocked(block),
  })
  metrics.add(seen)
  // What is written to counts as well: without it no result and no event leaves the worker.
  const brokers = [...new Set([app.readingBroker(), app.broker()])]
  metrics.add(new ConsumerMetrics(metrics.kit, brokers))
  const broken = brokers.map(brokerProblems)
  const service = withHealth(made, {
    ...address,
    logger,
    metrics: async () => metrics.read(),
    problems: () => [...broken.flatMap((read) => read()), ...queueProblems(made.problems)],
  })
  return { worker: made, service }
}
