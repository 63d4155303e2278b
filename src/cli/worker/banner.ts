import { countText } from '../../count-text.ts'
import { version } from '../../own-package.ts'
import { safeUrl } from '../../safe-url.ts'
import type { App } from '../../tasks/app/app.ts'
import type { WorkerSettings } from '../../worker/worker-options.ts'

/** What a worker says of itself when it starts, as Celery's does. */
export function banner(app: App, settings: WorkerSettings, place: string): string {
  const { config, tasks } = app
  const topology = config.topology()
  return [
    '',
    ` ${settings.name} · celery-toolbox ${version()} · Node.js ${process.versions.node}`,
    '',
    ` app          ${place}`,
    ` broker       ${safeUrl(config.brokerUrl)}`,
    ` results      ${safeUrl(config.result_backend ?? 'disabled://')}`,
    ` pool         ${poolLine(settings)}`,
    ` concurrency  ${concurrencyLine(settings)}, prefetch ${settings.prefetch === 0 ? 'unlimited' : settings.prefetch}`,
    ...limitLines(settings),
    '',
    ' [queues]',
    ...settings.queues.map((queue) => `   . ${queue}${boundBy(topology.bindings, queue)}`),
    '',
    ' [tasks]',
    ...(tasks.names.length === 0 ? ['   (none)'] : tasks.names.map((name) => `   . ${name}`)),
    '',
  ].join('\n')
}

function poolLine({ pool, maxTasksPerChild, maxMemoryPerChild }: WorkerSettings): string {
  const children = [
    ...(maxTasksPerChild === null ? [] : [`${countText(maxTasksPerChild, 'task')} a child`]),
    ...(maxMemoryPerChild === null ? [] : [`${maxMemoryPerChild} KB a child`]),
  ]
  if (pool !== 'async' || children.length === 0) return [pool, ...children].join(', ')
  return `${pool}; threads and processes that tasks ask for: ${children.join(', ')}`
}

function concurrencyLine({ concurrency, autoscale }: WorkerSettings): string {
  return autoscale === null ? `${concurrency}` : `${autoscale.min} to ${autoscale.max} (autoscale)`
}

function limitLines({ limits: { softTimeLimit, timeLimit } }: WorkerSettings): readonly string[] {
  const limits = [
    ...(softTimeLimit ? [`soft ${softTimeLimit} s`] : []),
    ...(timeLimit ? [`hard ${timeLimit} s`] : []),
  ]
  return limits.length === 0 ? [] : [` time limits  ${limits.join(', ')}`]
}

function boundBy(
  bindings: readonly { exchange: string; queue: string; routingKey: string }[],
  queue: string,
): string {
  const binding = bindings.find((candidate) => candidate.queue === queue)
  return binding === undefined ? '' : `  exchange=${binding.exchange} key=${binding.routingKey}`
}
