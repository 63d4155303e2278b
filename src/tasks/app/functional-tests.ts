import type { Config } from '../../config/config.ts'
import { workQueuesReached } from '../../protocol/routing/routes.ts'
import { CHORD_UNLOCK } from '../canvas/start-chord.ts'
import type { App } from './app.ts'

/** One check of an application's configuration: `test(check.name, check.run)` in any test runner. */
export interface FunctionalTest {
  readonly name: string
  run(): void
}

/**
 * Checks any application can run against its own configuration: that its queues, exchange and routes do what the
 * platform relies on. `isWorker: false` leaves out what only workers need.
 */
export function buildFunctionalTests(
  app: App,
  { isWorker = true }: { readonly isWorker?: boolean } = {},
): readonly FunctionalTest[] {
  const { config } = app
  const checks = config.TOPOLOGY === 'celery' ? plainChecks(app) : mirroredChecks(app)
  return isWorker ? [...checks, chordUnlockLimit(config)] : checks
}

/** What is routed by name reaches that queue, and nothing else. */
function plainChecks({ config }: App): readonly FunctionalTest[] {
  return config
    .workQueues()
    .map((queue) =>
      check(`the queue ${queue} is bound to its exchange`, () =>
        same(config.topology().bindings.filter((binding) => binding.queue === queue).length, 1),
      ),
    )
}

function mirroredChecks(app: App): readonly FunctionalTest[] {
  const { config } = app
  const mirrored = config.MIRROR ? [config.platformQueue] : []
  return [
    check('the default queue is celery', () => same(config.task_default_queue, 'celery')),
    check('the default exchange is a topic exchange', () =>
      same(config.task_default_exchange_type, 'topic'),
    ),
    check(`the platform queue ${config.platformQueue} gets everything`, () =>
      same(reached(config, `anything-${Date.now()}`), mirrored),
    ),
    ...config
      .workQueues()
      .map((queue) =>
        check(`the key ${queue} reaches exactly ${queue} and ${config.platformQueue}`, () =>
          same(reached(config, queue), sorted([queue, ...mirrored])),
        ),
      ),
    check(`${CHORD_UNLOCK} is routed by exchange and key`, () =>
      same(app.routeOf(CHORD_UNLOCK), {
        exchange: config.task_default_exchange,
        routingKey: 'celery',
      }),
    ),
  ]
}

function chordUnlockLimit(config: Config): FunctionalTest {
  return check(`${CHORD_UNLOCK} is not retried for ever`, () => {
    const limit: unknown = config.CHORD_UNLOCK_MAX_RETRIES
    if (!Number.isInteger(limit)) {
      throw new Error(`CHORD_UNLOCK_MAX_RETRIES is ${String(limit)}, expected an integer`)
    }
  })
}

function reached(config: Config, routingKey: string): string[] {
  const route = { exchange: config.task_default_exchange ?? '', routingKey }
  // No queue is left out: an empty name is no queue's.
  return sorted(workQueuesReached(config.topology(), route, ''))
}

function sorted(names: readonly string[]): string[] {
  return names.toSorted((one, other) => one.localeCompare(other))
}

function check(name: string, run: () => void): FunctionalTest {
  return { name, run }
}

function same(found: unknown, expected: unknown): void {
  const [left, right] = [JSON.stringify(found), JSON.stringify(expected)]
  if (left !== right) throw new Error(`found ${left}, expected ${right}`)
}
