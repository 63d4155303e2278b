import type { CeleryApp } from '../../create-app.ts'
import { textOfError } from '../../text-of-error.ts'
import { type Check, noted, ok } from './check.ts'

const EVENTS_ADVICE =
  'switch them on now: celery -A YOUR_APP control enable_events; for good: start those workers with -E'

/** Beside a plain Celery: who shares our queues, and whether the calls of Python are heard of. */
export async function* examineCelery(app: CeleryApp): AsyncGenerator<Check> {
  const { config } = app
  const shared = config.task_default_queue
  if (config.consumedQueues().includes(shared)) {
    yield noted(
      'shared queue',
      `workers of this app take from ${shared}, the default queue of every Celery app`,
      `give these tasks a queue of their own, as Python's workers drop tasks they do not know: queues: ['export'] here, ` +
        "task_routes = {'export.*': {'queue': 'export'}} in Python (docs/beside-celery.md)",
    )
  }
  yield noted(
    "Python's calls",
    'recorded from events and results, not from messages: a plain Celery publishes to the nameless exchange',
    'for byte-exact records of both languages, move to the mirrored topology step by step (docs/beside-celery.md)',
  )
  yield await eventsCheck(app)
}

/** Asks the workers that run now. */
async function eventsCheck(app: CeleryApp): Promise<Check> {
  const name = 'events'
  try {
    const answers = await app.control.ping({ timeoutMs: 1_000 })
    const workers = answers.map(({ worker }) => worker)
    return workers.length === 0
      ? noted(name, 'no worker answers a ping', 'start one, and those of Python with -E')
      : ok(
          name,
          `${workers.join(', ')} answer; without -E a worker sends no events: ${EVENTS_ADVICE}`,
        )
  } catch (error) {
    return noted(name, textOfError(error), EVENTS_ADVICE)
  }
}
