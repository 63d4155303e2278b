import { brokerProblems, urlProblems } from './broker-settings.ts'
import { derive, isDefault, replace, value } from './derived.ts'
import { printedShort } from './printed.ts'
import { deriveQueues, queueWarnings } from './queues/derive-queues.ts'
import type { Resolution } from './resolve/resolve.ts'
import { renderResultBackend, unrenderable } from './result-backend.ts'

/** Fills in the settings that follow from others, and checks how settings fit together. Returns warnings. */
export function deriveSettings(resolution: Resolution): readonly string[] {
  const warnings = queueWarnings(resolution)
  deriveQueues(resolution)
  deriveBroker(resolution)
  deriveResultBackend(resolution)
  deriveLogging(resolution)
  return warnings
}

function deriveBroker(resolution: Resolution): void {
  resolution.problems.push(
    ...brokerProblems({
      broker_url: value(resolution, 'broker_url'),
      broker_transport: value(resolution, 'broker_transport'),
      broker_host: value(resolution, 'broker_host'),
      broker_port: value(resolution, 'broker_port'),
      broker_user: value(resolution, 'broker_user'),
      broker_password: value(resolution, 'broker_password'),
      broker_vhost: value(resolution, 'broker_vhost'),
    }),
    ...(['broker_read_url', 'broker_write_url'] as const).flatMap((name) =>
      urlProblems(name, value(resolution, name)),
    ),
  )
  if (!isDefault(resolution, 'broker_transport_options')) return
  const options = { ...sqsDefaults(value(resolution, 'QUEUE_PREFIX')), ...PYTHON_RETRIES }
  derive(resolution, 'broker_transport_options', options)
}

/** For Python, which reads the same options: they do nothing here. */
const PYTHON_RETRIES = { interval_start: 0, max_retries: 1 }

/** What given transport options are merged over when a broker of SQS is opened. */
export function sqsDefaults(queuePrefix: string): Readonly<Record<string, unknown>> {
  return {
    region: 'us-west-2',
    queue_name_prefix: `${queuePrefix}-`,
    wait_time_seconds: 20,
    visibility_timeout: 20,
  }
}

function deriveResultBackend(resolution: Resolution): void {
  const template = value(resolution, 'result_backend')
  if (template === null || !/[{}]/.test(template)) return
  try {
    const rendered = renderResultBackend(template, (name) => resolution.entries.get(name)?.value)
    if (isDefault(resolution, 'result_backend')) derive(resolution, 'result_backend', rendered)
    else replace(resolution, 'result_backend', rendered)
  } catch {
    // Why is said in full by the sentence itself, which people search for.
    resolution.problems.push(unrenderable(template))
  }
}

function deriveLogging(resolution: Resolution): void {
  if (
    value(resolution, 'SETUP_FILE_LOGGING') &&
    isDefault(resolution, 'worker_hijack_root_logger')
  ) {
    derive(resolution, 'worker_hijack_root_logger', false)
  }
  const dsn = value(resolution, 'SENTRY_DSN')
  const hasDsn = dsn !== null && dsn !== ''
  if (isDefault(resolution, 'SETUP_SENTRY_LOGGING')) {
    if (hasDsn) derive(resolution, 'SETUP_SENTRY_LOGGING', true)
  } else if (value(resolution, 'SETUP_SENTRY_LOGGING') && !hasDsn) {
    resolution.problems.push(
      `SETUP_SENTRY_LOGGING: ${printedShort(true)} needs SENTRY_DSN, expected both`,
    )
  }
}
